import Foundation
import Torch

extension DatasetCatalog {
  /// What `verify` finds of a file.
  public struct FileCheck: Sendable, Equatable {
    /// How a file compares with what is known of it.
    public enum Outcome: Sendable, Equatable {
      /// Its checksum is the right one.
      case intact
      /// It is there, and no checksum of it is known.
      case unknown
      case missing
      case damaged(expected: String, found: String)
    }

    /// The name in the data set's folder.
    public let file: String
    /// What was found.
    public let outcome: Outcome

    /// Whether the file is there and not known to be damaged.
    public var isUsable: Bool { outcome == .intact || outcome == .unknown }
  }

  /// The name of the list of checksums that `fetch` leaves beside unpacked files; `sha256sum -c` reads it.
  static let listName = "checksums.sha256"

  /// Downloads a data set into its folder in the data root, and unpacks archives; what is there already is kept.
  ///
  /// - Parameter progress: called with every piece of a transfer.
  /// - Throws: `DownloadError`, `FileError` for a damaged archive, or `UnknownDatasetError`.
  /// - Returns: the folder.
  @discardableResult
  public static func fetch(
    _ name: String, into root: DataRoot, downloader: Downloader = Downloader(),
    progress: @escaping @Sendable (TransferProgress) -> Void = { _ in }
  ) async throws -> URL {
    guard let dataset = dataset(name) else { throw UnknownDatasetError(name: name) }
    return try await fetch(dataset, into: root, downloader: downloader, progress: progress)
  }

  static func fetch(
    _ dataset: CatalogDataset, into root: DataRoot, downloader: Downloader,
    progress: @escaping @Sendable (TransferProgress) -> Void
  ) async throws -> URL {
    let folder =
      (try? root.folder(of: dataset.name))
      ?? dataset.folders.first.map { root.url.appendingPathComponent($0, isDirectory: true) } ?? root.url
    for file in dataset.files where try !checks(of: file, in: folder).allSatisfy(\.isUsable) {
      let destination = folder.appendingPathComponent(file.name)
      try await downloader.download(file, to: destination, progress: progress)
      if case .none = file.packing { continue }
      let sums = try Unpacking.unpack(destination, file.packing, into: folder)
      let list = sums.sorted { $0.key < $1.key }.map { "\($0.value)  \($0.key)\n" }.joined()
      do {
        try Data(list.utf8).write(to: folder.appendingPathComponent(listName), options: .atomic)
        try FileManager.default.removeItem(at: destination)
      } catch {
        throw FileError(.unreadable, folder.path, "cannot be written: \(error.localizedDescription)")
      }
    }
    return folder
  }

  /// Compares the files of a data set with the checksums that are known.
  ///
  /// - Throws: `UnknownDatasetError`, `MissingDataError` where its folder is not there, or `FileError`.
  public static func verify(_ name: String, in root: DataRoot) throws -> [FileCheck] {
    guard let dataset = dataset(name) else { throw UnknownDatasetError(name: name) }
    guard !dataset.files.isEmpty else { return [] }
    return try checks(of: dataset, in: root.folder(of: dataset.name))
  }

  static func checks(of dataset: CatalogDataset, in folder: URL) throws -> [FileCheck] {
    try dataset.files.flatMap { try checks(of: $0, in: folder) }
  }

  private static func checks(of file: RemoteFile, in folder: URL) throws -> [FileCheck] {
    if case .none = file.packing {
      return [
        try check(file.name, in: folder, expected: file.sha256 ?? file.md5, isMD5: file.sha256 == nil)
      ]
    }
    let list = try sums(in: folder)
    return try file.members.map { member in
      if let sum = list[member.name] {
        return try check(member.name, in: folder, expected: sum, isMD5: false)
      }
      return try check(member.name, in: folder, expected: member.md5, isMD5: true)
    }
  }

  private static func check(_ name: String, in folder: URL, expected: String?, isMD5: Bool) throws
    -> FileCheck
  {
    let url = folder.appendingPathComponent(name)
    guard FileManager.default.fileExists(atPath: url.path) else {
      return FileCheck(file: name, outcome: .missing)
    }
    guard let expected else { return FileCheck(file: name, outcome: .unknown) }
    let found = try isMD5 ? Checksum.md5(url) : Checksum.sha256(url)
    return FileCheck(
      file: name, outcome: found == expected ? .intact : .damaged(expected: expected, found: found))
  }

  /// The checksums in the folder's list by file; empty where there is none.
  private static func sums(in folder: URL) throws -> [String: String] {
    let url = folder.appendingPathComponent(listName)
    guard FileManager.default.fileExists(atPath: url.path) else { return [:] }
    let lines = String(decoding: try Data(file: url), as: UTF8.self).split(separator: "\n")
    return Dictionary(
      lines.compactMap { line in
        let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard parts.count == 2 else { return nil }
        return (parts[1].trimmingCharacters(in: .whitespaces), String(parts[0]))
      }, uniquingKeysWith: { _, last in last })
  }
}

/// A name that the catalogue does not have.
public struct UnknownDatasetError: Error, Sendable, CustomStringConvertible {
  /// The name that was asked for.
  public let name: String

  public init(name: String) { self.name = name }

  public var description: String {
    "no data set '\(name)'; known are \(DatasetCatalog.all.map(\.name).joined(separator: ", "))"
  }
}
