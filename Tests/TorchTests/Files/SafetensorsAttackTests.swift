import Foundation
import Testing

@testable import Torch

@Suite("Damaged and hostile safetensors files are errors that say what is wrong")
struct SafetensorsAttackTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A file of a header, as it is, and bytes.
  private func file(_ header: String, bytes: Int = 0, length: UInt64? = nil) throws -> URL {
    var data = withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { Data($0) }
    data.append(Data(header.utf8))
    data.append(Data(count: bytes))
    return try folder.file("bad.safetensors", data)
  }

  private func expectRefused(
    _ file: URL, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for copying in [true, false] {
      let error = #expect(throws: SafetensorsError.self, sourceLocation: sourceLocation) {
        try Safetensors.read(file, copying: copying)
      }
      guard let error else { return }
      #expect(error.description.hasPrefix("bad.safetensors: "), sourceLocation: sourceLocation)
      for word in words {
        #expect(error.problem.contains(word), "\(error.problem)", sourceLocation: sourceLocation)
      }
    }
  }

  private func tensor(_ name: String, _ dtype: String, _ shape: String, _ offsets: String) -> String {
    "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
  }

  @Test("the file ends anywhere")
  func truncated() throws {
    let whole = try Safetensors.encode(
      ["w": Tensor.ones([3]), "b": Tensor([1, 2]), "flag": Tensor([true])], metadata: ["k": "v"])
    for count in 0..<whole.count {
      expectRefused(try folder.file("bad.safetensors", whole.prefix(count)))
    }
    #expect(try Safetensors.read(folder.file("good", whole)).tensors.count == 3)
  }

  @Test("bytes after the tensors")
  func trailing() throws {
    let whole = try Safetensors.encode(["w": Tensor.ones([3])])
    for count in [1, 7, 8, 4096] {
      expectRefused(try folder.file("bad.safetensors", whole + Data(count: count)), "12", "\(12 + count)")
    }
  }

  @Test(
    "the header's length lies",
    arguments: [0, 1, 3, 1000, 99_999_999, 100_000_001, 1 << 63, .max] as [UInt64])
  func length(_ length: UInt64) throws {
    expectRefused(try file("{\(tensor("w", "U8", "[1]", "[0,1]"))}", bytes: 1, length: length), "header")
  }

  @Test(
    "ranges that overlap, leave holes, or do not start at zero",
    arguments: [
      ("[0,4]", "[2,6]", "w overlaps"), ("[0,4]", "[0,4]", "overlaps"), ("[0,4]", "[5,9]", "hole before w"),
      ("[1,5]", "[5,9]", "hole before a"), ("[4,8]", "[4,8]", "hole"), ("[0,4]", "[4,9]", "w of shape [1]"),
    ])
  func ranges(_ first: String, _ second: String, _ words: String) throws {
    let header = "{\(tensor("a", "F32", "[1]", first)),\(tensor("w", "F32", "[1]", second))}"
    for bytes in [6, 8, 9] { expectRefused(try file(header, bytes: bytes), words) }
  }

  @Test(
    "offsets that are no range",
    arguments: [
      "[4,0]", "[-4,0]", "[-8,-4]", "[0]", "[]", "[0,4,8]", "[0,9223372036854775807]",
      "[9223372036854775803,9223372036854775807]",
      "[0,18446744073709551615]", "[0,1e300]", "[0.5,4.5]", "[\"0\",\"4\"]", "[null,4]", "null", "4", "{}",
      "[-9223372036854775808,9223372036854775807]",
    ])
  func offsets(_ offsets: String) throws {
    expectRefused(try file("{\(tensor("layer.w", "F32", "[1]", offsets))}", bytes: 4), "layer.w")
  }

  @Test(
    "shapes that are none, or whose bytes overflow",
    arguments: [
      "[-1]", "[-1,-1]", "[4611686018427387904]", "[4294967296,4294967296]", "[9223372036854775807,2,0]",
      "[9223372036854775808]", "[1.5]", "[\"1\"]", "[[1]]", "null", "1", "\"[1]\"", "{}", "[2]", "[0]",
      "[true]",
    ])
  func shapes(_ shape: String) throws {
    expectRefused(try file("{\(tensor("layer.w", "F32", shape, "[0,4]"))}", bytes: 4), "layer.w")
  }

  @Test("the largest size that does not overflow is only missing")
  func largest() throws {
    let size = Int.max
    expectRefused(try file("{\(tensor("w", "U8", "[\(size)]", "[0,\(size)]"))}", bytes: 4), "\(size)")
    let last = tensor("v", "U8", "[1]", "[\(size),\(size)]")
    expectRefused(try file("{\(tensor("w", "U8", "[\(size)]", "[0,\(size)]")),\(last)}", bytes: 4), "v")
  }

  @Test(
    "types that do not exist",
    arguments: ["\"F31\"", "\"f32\"", "\"\"", "\"C64\"", "\"F8_E4M3\"", "32", "null", "[\"F32\"]"])
  func types(_ dtype: String) throws {
    let header = "{\"layer.w\":{\"dtype\":\(dtype),\"shape\":[1],\"data_offsets\":[0,4]}}"
    expectRefused(try file(header, bytes: 4), "layer.w")
  }

  @Test("truth values that are neither")
  func truthValues() throws {
    var data = try Data(contentsOf: file("{\(tensor("mask", "BOOL", "[3]", "[0,3]"))}", bytes: 3))
    data[data.count - 2] = 7
    expectRefused(try folder.file("bad.safetensors", data), "mask", "7")
  }

  @Test(
    "names that occur twice, however they are spelled",
    arguments: [
      ("w", "w"), ("w", "\\u0077"), ("\\u0077", "\\u0077"), ("a/b", "a\\/b"), ("é", "e\\u0301"),
      ("é", "e\u{301}"),
      ("\\ud83d\\ude00", "😀"), ("", ""), ("__metadata__", "__metadata__"),
      ("__metadata__", "\\u005f_metadata__"),
    ])
  func duplicates(_ first: String, _ second: String) throws {
    let empty = "{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}"
    expectRefused(try file("{\"\(first)\":\(empty),\"\(second)\":\(empty)}"), "twice")
    let full = tensor(first, "U8", "[1]", "[0,1]") + "," + tensor(second, "U8", "[1]", "[1,2]")
    expectRefused(try file("{\(full)}", bytes: 2), "twice")
  }

  @Test("fields and metadata that occur twice, or not at all")
  func fields() throws {
    let twice = "{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"shape\":[1],\"data_offsets\":[0,1]}}"
    expectRefused(try file(twice, bytes: 1), "shape", "twice")
    expectRefused(try file("{\"__metadata__\":{\"a\":\"1\",\"\\u0061\":\"2\"}}"), "a occurs twice")
    for field in ["dtype", "shape", "data_offsets"] {
      let header = "{\(tensor("w", "U8", "[1]", "[0,1]"))}"
        .replacingOccurrences(of: "\"\(field)\"", with: "\"other\"")
      expectRefused(try file(header, bytes: 1), "w", field)
    }
  }

  @Test("a name with a colon, a quote or a brace in it is only a name")
  func harmlessNames() throws {
    let names = ["a\\\":{", "b:b", "{", "}", "[[[[[[[[[[[[[[", "\\\\"]
    let header = names.enumerated().map { tensor($1, "U8", "[1]", "[\($0),\($0 + 1)]") }.joined(
      separator: ",")
    let contents = try Safetensors.read(file("{\(header)}", bytes: names.count))
    #expect(Set(contents.tensors.keys) == ["a\":{", "b:b", "{", "}", "[[[[[[[[[[[[[[", "\\"])
  }

  @Test(
    "metadata that is not text",
    arguments: [
      "{\"a\":1}", "{\"a\":null}", "{\"a\":{}}", "{\"a\":[\"b\"]}", "[]", "1", "\"a\"", "{\"a\":true}",
    ])
  func metadata(_ metadata: String) throws {
    expectRefused(try file("{\"__metadata__\":\(metadata)}"), "__metadata__")
  }

  @Test(
    "what is not the JSON of a header",
    arguments: [
      "", " {}", "[]", "null", "x", "{", "{}x", "{}{}", "{\"w\"}", "{\"w\":}", "{\"w\":1}", "{\"w\":[]}",
      "{,}",
      "{\"w\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},}x", "{\"w\":{}}", "{\"w", "{\"w\\",
      "}", "{]",
      "{\u{0}}", "{\"\u{1}\":1}", "\u{FEFF}{}",
    ])
  func notJSON(_ header: String) throws { expectRefused(try file(header), "header") }

  @Test(
    "headers in other encodings",
    arguments: [String.Encoding.utf16LittleEndian, .utf32LittleEndian, .isoLatin1])
  func encodings(_ encoding: String.Encoding) throws {
    let header = try #require("{\(tensor("é", "U8", "[0]", "[0,0]"))}".data(using: encoding))
    var data = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) }
    data.append(header)
    expectRefused(try folder.file("bad.safetensors", data), "header")
  }

  @Test("nesting that would exhaust the stack", arguments: ["[", "{\"a\":", "[{\"a\":"])
  func bomb(_ layer: String) throws {
    let deep = String(repeating: layer, count: 100_000)
    expectRefused(try file("{\"w\":\(deep)"), "nests")
    expectRefused(try file("{\"__metadata__\":\(deep)"), "nests")
    expectRefused(try file(deep), "header")
  }

  @Test("a header of many tensors is read in good time, and one name too often is found among them")
  func many() throws {
    let names = (0..<5_000).map { "layers.\($0).weight" }
    let entries = names.enumerated().map { tensor($1, "U8", "[1]", "[\($0),\($0 + 1)]") }.joined(
      separator: ",")
    let good = try file("{\(entries)}", bytes: names.count)
    let start = ContinuousClock.now
    #expect(try Safetensors.read(good).tensors.count == names.count)
    #expect(ContinuousClock.now - start < .seconds(20))
    let twice = tensor("layers.7.weight", "U8", "[0]", "[0,0]")
    expectRefused(try file("{\(entries),\(twice)}", bytes: names.count), "layers.7.weight", "twice")
  }

  @Test("flipped bytes never crash the reader, nor what it gives", arguments: 0..<4)
  func fuzz(_ seed: Int) throws {
    let whole = try Safetensors.encode(
      [
        "weight": Tensor.ones([4, 3]), "bias": Tensor([Float(1), 2]), "mask": Tensor([true, false]),
        "steps": Tensor([7]), "empty": Tensor.zeros([0, 2]),
      ], metadata: ["epoch": "3"])
    let header = Int(whole.prefix(8).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
    var random = NumberStream(seed: UInt64(seed))
    let interesting = Array("{}[]\",:\\0129-.eEu \u{1}".utf8) + [0, 0x7f, 0x80, 0xff]
    var refused = 0
    for _ in 0..<400 {
      var data = whole
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let limit = Bool.random(using: &random) ? 8 + header : data.count
        let place = Int.random(in: 0..<limit, using: &random)
        data[place] = interesting[Int.random(in: 0..<interesting.count, using: &random)]
      }
      let url = try folder.file("bad.safetensors", data)
      do {
        for tensor in try Safetensors.read(url, copying: seed % 2 == 0).tensors.values {
          _ = try tensor.to(.float64).sum().item()
        }
      } catch let error as SafetensorsError {
        #expect(error.file == "bad.safetensors" && !error.problem.isEmpty)
        refused += 1
      }
    }
    #expect(refused > 100)
  }
}
