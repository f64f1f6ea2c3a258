import Foundation
import Testing

@testable import PerennialTokenizers

/// Damaged files are refused or read, and nothing traps on any text.
@Suite struct FuzzTests {
  /// SplitMix64.
  struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var value = state
      value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
      value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
      return value ^ (value >> 31)
    }
  }

  /// The file with a vocabulary of a few tokens, so that damage falls on every part of it.
  private func small(_ name: String) throws -> [UInt8] {
    let document = try String(contentsOf: TokenizerFixtures.url("\(name).json"), encoding: .utf8)
    let root = try JSONParser.parse(Data(document.utf8), file: name)
    guard case .object(let members) = root else { return [] }
    return Array(
      JSONValue.object(
        members.map { .init(key: $0.key, value: $0.key == "model" ? shortened($0.value) : $0.value) }
      )
      .document)
  }

  private func shortened(_ model: JSONValue) -> JSONValue {
    guard case .object(let members) = model else { return model }
    return .object(
      members.map { member in
        switch member.value {
        case .object(let vocabulary): .init(key: member.key, value: .object(Array(vocabulary.prefix(280))))
        case .array(let list):
          .init(key: member.key, value: .array(Array(list.prefix(member.key == "merges" ? 0 : 60))))
        default: member
        }
      })
  }

  private func damaged(_ bytes: [UInt8], _ random: inout Random) -> [UInt8] {
    var copy = bytes
    for _ in 0..<Int.random(in: 1...3, using: &random) where !copy.isEmpty {
      let place = Int.random(in: 0..<copy.count, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: copy.removeLast(copy.count - place)
      case 1: copy[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: copy[place] = UInt8.random(in: 0x20..<0x7f, using: &random)
      case 3: copy.removeSubrange(place..<min(place + Int.random(in: 1..<40, using: &random), copy.count))
      case 4:
        let values = [
          "null", "-1", "99999999999", "[]", "{}", "\"\"", "true", "1e5", "\"Sequence\"", "4294967296",
        ]
        copy.insert(contentsOf: (values.randomElement(using: &random) ?? "").utf8, at: place)
      default:
        if let digit = copy[place...].firstIndex(where: { $0 >= 0x30 && $0 <= 0x39 }) { copy[digit] = 0x39 }
      }
    }
    return copy
  }

  @Test(arguments: TokenizerFixtures.names)
  func damagedFiles(_ name: String) throws {
    var random = Random(state: 7)
    let original = try small(name)
    let texts = Array(try TokenizerFixtures.texts().filter { $0.utf8.count < 60 }.prefix(40))
    var (refused, read) = (0, 0)
    for _ in 0..<150 {
      do {
        let tokenizer = try Tokenizer(document: Data(damaged(original, &random)), file: name)
        read += 1
        let ids = texts.flatMap { tokenizer.encode($0, withOffsets: true).ids }
        _ = tokenizer.decode(ids)
        _ = tokenizer.encode(texts[3], pair: texts[12], truncation: tokenizer.truncation)
      } catch is TokenizerError {
        refused += 1
      }
    }
    #expect(refused > 20 && read > 5, "\(refused) refused, \(read) read")
  }

  @Test func damagedConfigurations() throws {
    var random = Random(state: 3)
    let document = try String(contentsOf: TokenizerFixtures.url("llama2.json"), encoding: .utf8)
    let configuration = Array(
      #"{"add_bos_token": true, "bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>", "tokenizer_class": "LlamaTokenizer", "chat_template": "[INST] <<SYS>>", "model_max_length": 1000000000000000019884624838656}"#
        .utf8)
    let folder = try TokenizerFixtures.folder(["tokenizer.json": document])
    defer { try? FileManager.default.removeItem(at: folder) }
    var refused = 0
    for _ in 0..<12 {
      try Data(damaged(configuration, &random)).write(
        to: folder.appendingPathComponent("tokenizer_config.json"))
      do { _ = try Tokenizer(folder: folder) } catch is TokenizerError { refused += 1 }
    }
    #expect(refused > 3)
  }

  /// Random scalars of every plane, random bytes, and pieces of tokens.
  @Test(arguments: TokenizerFixtures.names)
  func randomTexts(_ name: String) throws {
    var random = Random(state: 11)
    let tokenizer = try TokenizerFixtures.tokenizer(name)
    for length in 0..<120 {
      var text = String.UnicodeScalarView()
      for _ in 0..<length {
        let limit: UInt32 = [0x80, 0x300, 0x3000, 0x1_0000, 0x11_0000].randomElement(using: &random) ?? 0x80
        if let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &random)) { text.append(scalar) }
      }
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      for sample in [String(text), String(decoding: bytes, as: UTF8.self)] {
        let encoding = tokenizer.encode(sample, withOffsets: true)
        #expect(encoding.offsets?.allSatisfy { $0.upperBound <= sample.utf8.count } == true)
        #expect(encoding.ids.allSatisfy { $0 >= 0 && $0 < tokenizer.endID })
        if name == "gpt2" { #expect(Array(tokenizer.decode(encoding.ids).utf8) == Array(sample.utf8)) }
      }
    }
    _ = tokenizer.decode([-1, .max, .min, 0, 999_999])
  }
}
