/// A token that is found in the text before the model sees it.
public struct AddedToken: Sendable, Equatable {
  public var content: String
  /// Found only where no letter or digit touches it.
  public var isSingleWord: Bool
  /// Takes the white space before or behind it along.
  public var stripsLeft: Bool
  public var stripsRight: Bool
  /// Found in the text as normalizers leave it, not as it was written.
  public var isNormalized: Bool
  /// Left out of decoded text on request.
  public var isSpecial: Bool

  public init(
    _ content: String, isSingleWord: Bool = false, stripsLeft: Bool = false, stripsRight: Bool = false,
    isNormalized: Bool? = nil, isSpecial: Bool = true
  ) {
    self.content = content
    self.isSingleWord = isSingleWord
    self.stripsLeft = stripsLeft
    self.stripsRight = stripsRight
    self.isNormalized = isNormalized ?? !isSpecial
    self.isSpecial = isSpecial
  }

  init(_ node: JSONNode) throws {
    content = try node.required("content").string()
    isSingleWord = try node.required("single_word").bool()
    stripsLeft = try node.required("lstrip").bool()
    stripsRight = try node.required("rstrip").bool()
    isNormalized = try node.required("normalized").bool()
    isSpecial = try node.required("special").bool()
  }

  func json(id: Int) -> JSONValue {
    .object([
      "id": .integer(id), "content": .string(content), "single_word": .bool(isSingleWord),
      "lstrip": .bool(stripsLeft), "rstrip": .bool(stripsRight), "normalized": .bool(isNormalized),
      "special": .bool(isSpecial),
    ])
  }
}
