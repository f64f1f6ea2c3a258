import Foundation

/// The arrays of an `.npz` archive, read one by one as they are asked for.
public struct NpzArchive {
  private let archive: ZipArchive

  /// The archive's path, for errors.
  public var file: String { archive.file }

  /// Opens an archive.
  ///
  /// - Throws: `FileError` where the file is missing or no zip archive.
  public init(_ url: URL) throws {
    archive = try ZipArchive(url)
  }

  /// Opens an archive held in memory; `file` is its name in errors.
  public init(_ data: Data, file: String) throws {
    archive = try ZipArchive(data, file: file)
  }

  /// The arrays' names in the archive's order.
  public var names: [String] {
    archive.entries.filter { $0.name.hasSuffix(".npy") }.map { String($0.name.dropLast(4)) }
  }

  /// The array of the given name.
  ///
  /// - Throws: `FileError` (`missing`), which lists the names that are there, or what `NpyArray` throws.
  public func array(_ name: String) throws -> NpyArray {
    guard let entry = archive.entries.first(where: { $0.name == name + ".npy" }) else {
      throw FileError(.missing, file, "no array '\(name)'; there are \(names.joined(separator: ", "))")
    }
    let content = try archive.content(of: entry)
    return try content.withUnsafeBytes { try NpyArray($0, file: "\(file)/\(name)") }
  }
}
