/// How texts of a batch are brought to one length.
public struct Padding: Sendable, Equatable {
  public enum Length: Sendable, Equatable {
    case longestOfBatch
    case fixed(Int)
  }

  /// The length that all are brought to, and the side that is filled.
  public var length: Length
  public var direction: Truncation.Direction
  /// Rounds the length up.
  public var multiple: Int?
  /// What is filled in.
  public var id: Int32
  public var typeID: Int32

  public init(
    length: Length = .longestOfBatch, direction: Truncation.Direction = .right, multiple: Int? = nil,
    id: Int32, typeID: Int32 = 0
  ) {
    self.length = length
    self.direction = direction
    self.multiple = multiple
    self.id = id
    self.typeID = typeID
  }

  /// Longer files would ask for memory that no batch needs.
  private static let longest = 1 << 24

  init(_ node: JSONNode) throws {
    let strategy = try node.required("strategy")
    if case .string = strategy.value {
      length = try strategy.choice(["BatchLongest": .longestOfBatch])
    } else {
      length = .fixed(try strategy.required("Fixed").integer(in: 0...Self.longest))
    }
    direction = try node.required("direction").choice(["Left": .left, "Right": .right])
    multiple = try node.optional("pad_to_multiple_of")?.integer(in: 0...Self.longest)
    id = Int32(try node.required("pad_id").integer())
    typeID = Int32(try node.required("pad_type_id").integer())
  }

  func apply(to batch: [Encoding]) -> [Encoding] {
    var count =
      switch length {
      case .longestOfBatch: batch.map(\.count).max() ?? 0
      case .fixed(let count): count
      }
    if let multiple, multiple > 0, count % multiple > 0 { count += multiple - count % multiple }
    return batch.map { $0.padded(to: count, with: self) }
  }
}
