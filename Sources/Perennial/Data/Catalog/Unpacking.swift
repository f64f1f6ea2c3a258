import Foundation
import Torch

/// Puts the files of an archive into a folder.
enum Unpacking {
  /// Writes the members without the folder that they share, hidden ones aside.
  ///
  /// - Returns: the SHA-256 sum of each file by its path in the folder.
  /// - Throws: `FileError` for a damaged archive or a member that would leave the folder.
  static func unpack(_ archive: URL, _ packing: RemoteFile.Packing, into folder: URL) throws -> [String:
    String]
  {
    var sums: [String: String] = [:]
    func write(_ name: String, _ content: [UInt8]) throws {
      let parts = name.split(separator: "/").map(String.init).filter { $0 != "." }
      guard !name.hasPrefix("/"), !parts.contains("..") else {
        throw FileError(.corrupt, archive.path, .entry(name), "the member would lie outside of the folder")
      }
      let path = parts.count > 1 ? Array(parts.dropFirst()) : parts
      guard !path.isEmpty, !path.contains(where: { $0.hasPrefix(".") }) else { return }
      let destination = path.reduce(folder) { $0.appendingPathComponent($1) }
      do {
        try FileManager.default.createDirectory(
          at: destination.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(content).write(to: destination, options: .atomic)
      } catch {
        throw FileError(.unreadable, destination.path, "cannot be written: \(error.localizedDescription)")
      }
      sums[path.joined(separator: "/")] = try Checksum.sha256(content)
    }
    switch packing {
    case .none: break
    case .zip:
      let zip = try ZipArchive(archive)
      for entry in zip.entries where !entry.isFolder { try write(entry.name, zip.content(of: entry)) }
    case .tarGzip:
      let tar = try TarArchive(Inflate.gzip(Data(file: archive), file: archive.path), file: archive.path)
      for entry in tar.entries { try write(entry.name, Array(tar.bytes[entry.content])) }
    }
    return sums
  }
}
