import Foundation
import Testing

@testable import Perennial

@Suite struct OrderedJSONTests {
  struct Sample: Codable, Equatable {
    var zebra = 1
    var apple = "a \"quoted\" \\ text\nwith\u{1} controls, é and 猫"
    var none: Int? = nil
    var list = [1.5, -0.0, 1e-300, 0.1]
    var nested = [["x": 1, "b": 2, "a": 3]]
    var flag = true
    var float: Float = 0.1
  }

  @Test func keepsTheOrderOfTheType() throws {
    let text = try OrderedJSON.text(Sample(), .compact)
    #expect(
      text.hasPrefix(#"{"zebra": 1, "apple": "a \"quoted\" \\ text\nwith\u0001 controls, é and 猫", "list": "#)
    )
    #expect(
      text.contains(#"[{"a": 3, "b": 2, "x": 1}]"#), "dictionaries have no order, so theirs is alphabetical")
    #expect(!text.contains("\n"))
  }

  @Test func isReadBackExactly() throws {
    for layout in [OrderedJSON.Layout.compact, .pretty] {
      let text = try OrderedJSON.text(Sample(), layout)
      #expect(try JSONDecoder().decode(Sample.self, from: Data(text.utf8)) == Sample())
    }
  }

  @Test func rowsStayOnOneLine() throws {
    let rows = (0..<3).map { row in (0..<40).map { Double(row * $0) + 0.25 } }
    let lines = try OrderedJSON.text(["matrix": rows]).split(separator: "\n")
    #expect(lines.count == 2 + 2 + 3)
    #expect(lines[2].hasPrefix("    [0.25, 0.25"))
  }

  @Test(arguments: [Double.nan, .infinity]) func whatJSONCannotHoldIsNamed(_ bad: Double) throws {
    let error = #expect(throws: EncodingError.self) { try OrderedJSON.text(["a": [["b": [0, bad]]]]) }
    #expect(error.map { "\($0)" }?.contains("a[0].b[1]") == true)
  }

  @Test func superEncodersAndNestedContainersWork() throws {
    struct Nested: Encodable {
      enum Key: String, CodingKey { case a, b }
      func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        var list = container.nestedUnkeyedContainer(forKey: .b)
        try list.encode(1)
        try list.encodeNil()
        var inner = list.nestedContainer(keyedBy: Key.self)
        try inner.encode("x", forKey: .a)
        var deep = list.nestedUnkeyedContainer()
        try deep.encode(list.count)
        try container.superEncoder(forKey: .a).singleValueContainer().encodeNilOnce()
      }
    }
    #expect(try OrderedJSON.text(Nested(), .compact) == #"{"b": [1, null, {"a": "x"}, [4]], "a": null}"#)
  }
}

extension SingleValueEncodingContainer {
  /// A container that is not stored in a variable cannot be mutated.
  fileprivate func encodeNilOnce() throws {
    var copy = self
    try copy.encodeNil()
  }
}
