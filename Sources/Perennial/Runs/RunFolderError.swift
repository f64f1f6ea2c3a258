import Foundation

/// Why a run cannot write its folder.
public enum RunFolderError: Error, Equatable, CustomStringConvertible {
  /// The user may not write there.
  case unwritable(path: String, reason: String)
  /// The disk, or the user's share of it, is full.
  case full(path: String)
  /// Something on the way is a file.
  case notAFolder(path: String)
  /// Another process is writing the run.
  case inUse(path: String, process: Int32?)
  /// A hundred runs have started within a second.
  case crowded(path: String)

  init(_ url: URL, code: Int32) {
    switch code {
    case ENOSPC, EDQUOT: self = .full(path: url.path)
    case ENOTDIR: self = .notAFolder(path: url.path)
    default: self = .unwritable(path: url.path, reason: String(cString: strerror(code)))
    }
  }

  /// What is wrong, and what to do about it.
  public var description: String {
    switch self {
    case .unwritable(let path, let reason):
      "cannot write the run folder \(path): \(reason); choose another one with --out"
    case .full(let path):
      "cannot write the run folder \(path): the disk is full; free some space or use another --out"
    case .notAFolder(let path):
      "cannot write the run folder: \(path) is a file; choose another folder with --out"
    case .inUse(let path, let process):
      "the run \(path) is being written by \(process.map { "process \($0)" } ?? "another process"); "
        + "wait for it, or start a new run without --resume"
    case .crowded(let path):
      "the run folders \(path) to \(path)-99 are all taken; try again in a second"
    }
  }
}

extension RunFolderError: LocalizedError {
  /// The same text as ``description``.
  public var errorDescription: String? { description }
}
