/// The tokens of a model, both ways.
struct Vocabulary: Sendable {
  private(set) var table: ByteTable
  private var bytes: [UInt8] = []
  private var ranges: [Range<Int32>] = []

  /// The number of tokens, which is not the highest id when ids have gaps.
  var count: Int { table.count }

  /// Ids above this are refused: they would ask for a table that no vocabulary fills.
  static let highestID = 1 << 24

  init(capacity: Int = 0) { table = ByteTable(capacity: capacity) }

  /// Reads an object of tokens and ids.
  init(_ node: JSONNode) throws {
    let members = try node.members()
    self.init(capacity: members.count)
    for member in members {
      let id = try node.child(member.key, member.value).integer(in: 0...Self.highestID)
      try add(member.key, id: id, file: node.file, key: node.key)
    }
  }

  mutating func add(_ token: String, id: Int, file: String, key: String) throws {
    var token = token
    let isNew = token.withUTF8 { insert($0, id: id) }
    guard isNew else { throw TokenizerError.conflictingID(file: file, key: key, token: token, id: id) }
  }

  /// False when the token or the id is there already.
  mutating func insert(_ token: ByteText, id: Int) -> Bool {
    if id < ranges.count, ranges[id].lowerBound >= 0 { return false }
    guard table.insert(token, Int32(id)) == nil else { return false }
    while ranges.count <= id { ranges.append(-1 ..< -1) }
    ranges[id] = Int32(bytes.count)..<Int32(bytes.count + token.count)
    bytes.append(contentsOf: token)
    return true
  }

  func id(of token: String) -> Int32? { table[token] }

  func token(_ id: Int) -> ArraySlice<UInt8>? {
    guard ranges.indices.contains(id), ranges[id].lowerBound >= 0 else { return nil }
    return bytes[Int(ranges[id].lowerBound)..<Int(ranges[id].upperBound)]
  }

  /// One past the highest id.
  var endID: Int { ranges.count }
}
