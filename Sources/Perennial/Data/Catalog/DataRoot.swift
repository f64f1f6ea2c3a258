import Foundation
import Torch

/// The folder that holds the data sets, and how it was chosen.
public struct DataRoot: Sendable, Equatable {
  /// What decided the folder.
  public enum Origin: String, Sendable {
    /// `--data DIR`.
    case argument
    /// The variable `PERENNIAL_DATA`.
    case environment
    /// `./data`, because nothing else was said.
    case standard
  }

  /// The folder.
  public let url: URL
  /// Who named it.
  public let origin: Origin

  /// The folder given with `--data`, else that of `PERENNIAL_DATA`, else `./data`. It need not exist.
  public init(_ argument: String? = nil, environment: [String: String] = ProcessInfo.processInfo.environment)
  {
    if let argument, !argument.isEmpty {
      url = URL(fileURLWithPath: argument, isDirectory: true)
      origin = .argument
    } else if let value = environment["PERENNIAL_DATA"], !value.isEmpty {
      url = URL(fileURLWithPath: value, isDirectory: true)
      origin = .environment
    } else {
      url = URL(fileURLWithPath: "data", isDirectory: true)
      origin = .standard
    }
  }

  /// The folder of a data set of the catalogue.
  ///
  /// - Throws: `MissingDataError` where none of the folders by which the set goes is there.
  public func folder(of dataset: String) throws -> URL {
    let names = DatasetCatalog.dataset(dataset)?.folders ?? [dataset]
    for name in names {
      let folder = url.appendingPathComponent(name, isDirectory: true)
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder.boolValue {
        return folder
      }
    }
    throw MissingDataError(dataset: dataset, wanted: names, folder: url, root: self)
  }

  /// The first of some files that is in a folder.
  ///
  /// - Throws: `MissingDataError` where none of them is.
  public func file(_ names: [String], in folder: URL, of dataset: String) throws -> URL {
    let files = names.map { folder.appendingPathComponent($0) }
    guard let found = files.first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
      throw MissingDataError(dataset: dataset, wanted: names, folder: folder, root: self)
    }
    return found
  }
}

/// A data set that is not where it was looked for.
public struct MissingDataError: Error, Sendable, CustomStringConvertible {
  /// The set's name.
  public let dataset: String

  /// The names that would have done.
  public let wanted: [String]

  /// Where they were looked for.
  public let folder: URL

  /// The data root at the time.
  public let root: DataRoot

  public init(dataset: String, wanted: [String], folder: URL, root: DataRoot) {
    (self.dataset, self.wanted, self.folder, self.root) = (dataset, wanted, folder, root)
  }

  public var description: String {
    let reason =
      switch root.origin {
      case .argument: "given with --data"
      case .environment: "given by PERENNIAL_DATA"
      case .standard: "the default, since neither --data nor PERENNIAL_DATA is set"
      }
    let remedy =
      DatasetCatalog.dataset(dataset) == nil
      ? "" : "`perennial data fetch \(dataset)` downloads it there; or "
    let place =
      remedy.isEmpty
      ? "Name another folder with --data DIR or PERENNIAL_DATA=DIR."
      : "name another folder with --data DIR or PERENNIAL_DATA=DIR."
    return """
      The data set '\(dataset)' is missing: no \(wanted.joined(separator: " or ")) in \(folder.path). \
      The data root is \(root.url.path), \(reason). \(remedy)\(place)
      """
  }
}
