/// An input as JSON: a text, or numbers, nested as deep as a shape is long.
struct InputValue: Decodable, Sendable {
  let input: ServedInput

  init(_ input: ServedInput) { self.input = input }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let text = try? container.decode(String.self) {
      input = .text(text)
    } else {
      var values: [Float] = []
      try Self.collect(decoder.unkeyedContainer(), into: &values, depth: 0)
      input = .values(values)
    }
  }

  /// Lists of lists are read in their order.
  private static func collect(
    _ list: consuming any UnkeyedDecodingContainer, into values: inout [Float], depth: Int
  ) throws {
    var list = list
    while !list.isAtEnd {
      // Doubles first: a number beyond Float's range is infinite, which the card refuses by its place.
      if let number = try? list.decode(Double.self) {
        values.append(Float(number))
      } else {
        guard depth < 4 else {
          throw DecodingError.dataCorruptedError(in: list, debugDescription: "nested too deeply")
        }
        try collect(list.nestedUnkeyedContainer(), into: &values, depth: depth + 1)
      }
    }
  }
}

extension ServedInput {
  /// - Throws: `ServeError.tooMany` for a text that is too long.
  func check(_ limits: ServeOptions.Limits, at place: String) throws {
    if case .text(let text) = self, text.utf8.count > limits.textBytes {
      throw ServeError.tooMany("bytes", allowed: limits.textBytes, at: place)
    }
  }
}

extension Array {
  /// - Throws: `ServeError.tooMany`, or `invalid` where there are none.
  func check(_ limits: ServeOptions.Limits, at place: String) throws {
    guard !isEmpty else { throw ServeError.invalid("is empty", at: place) }
    guard count <= limits.items else { throw ServeError.tooMany("items", allowed: limits.items, at: place) }
  }
}
