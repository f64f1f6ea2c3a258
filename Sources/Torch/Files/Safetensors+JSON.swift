import Foundation

extension Safetensors {
  /// The JSON of a header, with the checks that JSON decoders leave out.
  struct JSONHeader {
    struct Fields: Decodable {
      let dtype: String
      let shape: [Int]
      let offsets: [Int]

      enum CodingKeys: String, CodingKey {
        case dtype, shape
        case offsets = "data_offsets"
      }

      init(from decoder: Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        dtype = try container.decode(String.self, forKey: .dtype)
        shape = try Self.integers(container, .shape)
        offsets = try Self.integers(container, .offsets)
      }

      /// The decoder does not say where a number is that no `Int` can hold.
      private static func integers(
        _ container: KeyedDecodingContainer<CodingKeys>, _ key: CodingKeys
      ) throws -> [Int] {
        do {
          return try container.decode([Int].self, forKey: key)
        } catch let error as DecodingError {
          throw error
        } catch {
          throw DecodingError.dataCorruptedError(
            forKey: key, in: container, debugDescription: "whole numbers of 64 bits are needed")
        }
      }
    }

    let tensors: [(name: String, fields: Fields)]
    let metadata: [String: String]

    /// - Throws: `MalformedHeader` naming the tensor where one is to blame.
    init(_ bytes: UnsafeRawBufferPointer) throws {
      guard bytes.first == UInt8(ascii: "{") else {
        throw MalformedHeader("the header does not begin with {")
      }
      // A zero byte would make the decoder take the header for UTF-16.
      guard !bytes.contains(0) else { throw MalformedHeader("the header is not UTF-8") }
      do {
        try Self.checkNames(bytes)
        let body = try JSONDecoder().decode(Body.self, from: Data(bytes))
        tensors = body.tensors
        metadata = body.metadata
      } catch let error as DecodingError {
        throw MalformedHeader("the header is not that of a safetensors file: \(Self.describe(error))")
      }
    }

    private struct Name: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    private struct Body: Decodable {
      var tensors: [(name: String, fields: Fields)] = []
      var metadata: [String: String] = [:]

      init(from decoder: Decoder) throws {
        let container = try decoder.container(keyedBy: Name.self)
        for key in container.allKeys {
          if key.stringValue == metadataKey {
            metadata = try container.decode([String: String].self, forKey: key)
          } else {
            tensors.append((key.stringValue, try container.decode(Fields.self, forKey: key)))
          }
        }
      }
    }

    /// Objects in a header lie this deep; what is deeper is an attack on the decoder.
    private static let deepest = 8

    /// Refuses names that occur twice in one object: decoders keep one of them and stay silent.
    private static func checkNames(_ bytes: UnsafeRawBufferPointer) throws {
      var names: [[Slice<UnsafeRawBufferPointer>]] = []
      var opened: Int?
      var last: Slice<UnsafeRawBufferPointer>?
      var isEscaped = false
      for (index, byte) in bytes.enumerated() {
        if let start = opened {
          if isEscaped {
            isEscaped = false
          } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
          } else if byte == UInt8(ascii: "\"") {
            last = bytes[start...index]
            opened = nil
          }
          continue
        }
        switch byte {
        case UInt8(ascii: "\""): opened = index
        case UInt8(ascii: ":"):
          if let name = last, !names.isEmpty { names[names.count - 1].append(name) }
        case UInt8(ascii: "{"), UInt8(ascii: "["):
          guard names.count < deepest else {
            throw MalformedHeader("the header nests deeper than \(deepest)")
          }
          names.append([])
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
          if let closed = names.popLast() { try checkDifferent(closed) }
        default: break
        }
      }
    }

    /// Compares names as strings, because escapes and Unicode can spell one name in several ways.
    private static func checkDifferent(_ quoted: [Slice<UnsafeRawBufferPointer>]) throws {
      guard quoted.count > 1 else { return }
      let isPlain = quoted.allSatisfy { $0.allSatisfy { $0 < 0x80 && $0 != UInt8(ascii: "\\") } }
      var seen: Set<String> = []
      for name in isPlain ? quoted.map(plainText) : try decoded(quoted) where !seen.insert(name).inserted {
        throw MalformedHeader("the name \(name) occurs twice in the header")
      }
    }

    private static func plainText(_ quoted: Slice<UnsafeRawBufferPointer>) -> String {
      String(decoding: quoted.dropFirst().dropLast(), as: UTF8.self)
    }

    private static func decoded(_ quoted: [Slice<UnsafeRawBufferPointer>]) throws -> [String] {
      var list = Data("[".utf8)
      for name in quoted {
        if list.count > 1 { list.append(UInt8(ascii: ",")) }
        list.append(contentsOf: name)
      }
      list.append(UInt8(ascii: "]"))
      return try JSONDecoder().decode([String].self, from: list)
    }

    private static func describe(_ error: DecodingError) -> String {
      func sentence(_ context: DecodingError.Context, _ text: String) -> String {
        (context.codingPath.map(\.stringValue) + [text]).joined(separator: ": ")
      }
      return switch error {
      case .keyNotFound(let key, let context): sentence(context, "there is no \(key.stringValue)")
      case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
        sentence(context, context.debugDescription)
      @unknown default: "\(error)"
      }
    }
  }
}
