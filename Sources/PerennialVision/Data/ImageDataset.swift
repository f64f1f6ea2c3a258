/// A set of images for learning and for testing.
public struct ImageDataset {
  /// The name by which recipes and reports call it.
  public let name: String

  /// The images to learn from.
  public let train: LabeledImages

  /// The images to score on.
  public let test: LabeledImages

  /// Images for choosing hyper-parameters, where the set comes with them.
  public let validation: LabeledImages?

  /// What a reader must know beside every number, such as a split that is not the official one.
  public let note: String?

  /// A set of the given parts.
  public init(
    name: String, train: LabeledImages, test: LabeledImages, validation: LabeledImages? = nil,
    note: String? = nil
  ) {
    self.name = name
    self.train = train
    self.test = test
    self.validation = validation
    self.note = note
  }

  /// The classes' names, in the order of their labels.
  public var classNames: [String] { train.classNames }
}
