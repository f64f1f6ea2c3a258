import Perennial

extension ImageDataset {
  /// The names that `named(_:root:)` knows.
  public static let names =
    ["digits", "mnist", "fashion-mnist", "kmnist"] + EMNISTSplit.allCases.map { "emnist-\($0.rawValue)" } + [
      "cifar10", "cifar100", "cifar100-coarse", "omniglot",
    ]

  /// The data set that recipes call by this name.
  ///
  /// - Throws: `UnknownDatasetError`, `MissingDataError` that says where the data was looked for and how to get it,
  ///   or `FileError` where a file is damaged.
  public static func named(_ name: String, root: DataRoot) throws -> ImageDataset {
    switch name {
    case "digits": return try digits()
    case "mnist": return try mnist(root)
    case "fashion-mnist": return try fashionMNIST(root)
    case "kmnist": return try kmnist(root)
    case "cifar10": return try cifar10(root)
    case "cifar100": return try cifar100(.fine, root)
    case "cifar100-coarse": return try cifar100(.coarse, root)
    case "omniglot": return try omniglot(root)
    default:
      guard name.hasPrefix("emnist-"), let split = EMNISTSplit(rawValue: String(name.dropFirst(7))) else {
        throw UnknownDatasetError(name: name)
      }
      return try emnist(split, root)
    }
  }
}
