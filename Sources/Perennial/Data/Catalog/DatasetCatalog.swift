import Foundation

/// A well-known data set: where it lives, and how to know that it arrived whole.
public struct CatalogDataset: Sendable {
  /// What the examples are.
  public enum Modality: String, Sendable {
    case image
    case text
  }

  /// The name in recipes and on the command line.
  public let name: String

  /// The name that people use.
  public let title: String

  /// Whose loaders read it.
  public let modality: Modality

  /// What is in it, in half a line.
  public let summary: String

  /// The terms on which it may be used.
  public let licence: String
  /// Where its authors describe it.
  public let homepage: String

  /// The folders in the data root where it may lie; `fetch` makes the first.
  public let folders: [String]

  /// What is downloaded; empty for a set that comes with Perennial.
  public let files: [RemoteFile]

  /// Bytes to download.
  public var size: Int { files.reduce(0) { $0 + $1.size } }
}

/// A file on its official server.
public struct RemoteFile: Sendable {
  /// What becomes of the file once it is there.
  public enum Packing: Sendable {
    /// It stays as it is.
    case none
    /// Its members, without their common folder, take its place.
    case tarGzip
    /// Its members, without their common folder, take its place.
    case zip
  }

  /// A file of an archive, with its checksum where one is known.
  public struct Member: Sendable {
    /// The path in the archive, without the folder that all members share.
    public let name: String

    /// The MD5 sum, where one is known.
    public let md5: String?
  }

  /// The name in the data set's folder.
  public let name: String

  /// Where it is, the official home first.
  public let urls: [URL]

  /// Its bytes, as far as known: for progress, and never a check.
  public let size: Int

  /// What the official list says of the content, in hexadecimal.
  public let md5: String

  /// Known where the file could be read when this was written.
  public let sha256: String?

  /// What becomes of the file once it is there.
  public let packing: Packing

  /// The members that loaders need.
  public let members: [Member]

  init(
    _ name: String, _ urls: [String], size: Int, md5: String, sha256: String? = nil, packing: Packing = .none,
    members: [Member] = []
  ) {
    self.name = name
    self.urls = urls.compactMap { URL(string: $0) }
    self.size = size
    self.md5 = md5
    self.sha256 = sha256
    self.packing = packing
    self.members = members
  }
}

/// The data sets that Perennial knows how to download and read.
public enum DatasetCatalog {
  /// The set of that name, or of that folder.
  public static func dataset(_ name: String) -> CatalogDataset? {
    all.first { $0.name == name } ?? all.first { $0.folders.contains(name) }
  }

  /// All sets, in the order in which they are listed.
  public static let all: [CatalogDataset] =
    [digits, mnist, fashionMNIST, kmnist, emnist, cifar10, cifar100, omniglot] + texts
}
