import Foundation
import Perennial

/// Texts to be told apart: classes by name, those to learn, those to be judged by, and those of no class.
public struct TextDataset: Sendable {
  public let name: String
  /// In the order of their labels.
  public let classes: [String]
  public let train: [LabeledText]
  public let test: [LabeledText]
  /// Test texts of none of the classes.
  public let outOfScope: [String]
  /// The groups in their natural order; nil where the data have none.
  public let groups: [TextGroup]?
  /// Which texts hold only for a while; nil where all hold to the end.
  public let replaced: DataGroups.Replaced?
  /// What a reader must know beside every number.
  public let note: String?

  /// - Parameters:
  ///   - classes: those of the training texts in the order of their first appearance, where nothing else is said.
  ///   - groups: the same, times in the order of time.
  /// - Throws: `TextDataError` for a test label or group that training texts never have.
  public init(
    _ name: String, train: [LabeledText], test: [LabeledText], classes: [String]? = nil,
    outOfScope: [String] = [], groups: [TextGroup]? = nil, note: String? = nil,
    replaced: DataGroups.Replaced? = nil
  ) throws {
    self.name = name
    (self.train, self.test, self.outOfScope, self.replaced) = (train, test, outOfScope, replaced)
    self.classes = classes ?? Self.unique(train.map(\.label))
    let own = groups ?? TextGroup.ordered(train.compactMap(\.group))
    self.groups = own.isEmpty ? nil : own
    let known = Set(self.classes)
    if let stranger = (train + test).first(where: { !known.contains($0.label) }) {
      throw TextDataError(name, "the label `\(stranger.label)` of a test text is never learned")
    }
    let order = TextGroup.Order(own)
    if !own.isEmpty, let stranger = (train + test).first(where: { order.place(of: $0.group) == nil }) {
      throw TextDataError(
        name,
        "`\(stranger.text.prefix(40))` has the group `\(stranger.group?.name ?? "")`, which is never learned")
    }
    let overlap = Set(train.map(\.text)).intersection(test.map(\.text)).count
    let shared = overlap > 0 ? "\(overlap) of the test texts are among those that are learned." : nil
    let notes = [note, shared].compactMap { $0 }
    self.note = notes.isEmpty ? nil : notes.joined(separator: " ")
  }

  private static func unique(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }
}
