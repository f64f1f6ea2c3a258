/// GPT-2's stand-ins for bytes: a printable character for each of the 256, so that any text has tokens one can read.
enum ByteAlphabet {
  /// The stand-in of every byte.
  static let scalars: [UInt32] = {
    var next: UInt32 = 256
    return (0..<256).map { byte in
      switch byte {
      case 0x21...0x7e, 0xa1...0xac, 0xae...0xff: return UInt32(byte)
      default:
        defer { next += 1 }
        return next
      }
    }
  }()

  /// The byte behind each scalar below 512, or -1.
  private static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 512)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
    return bytes
  }()

  /// The bytes that a token stands for, or nil when one of its characters stands for none.
  static func decode(_ token: ByteText) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(token.count)
    var index = 0
    while index < token.count {
      let (scalar, length) = token.scalar(at: index)
      guard scalar < 512, bytes[Int(scalar)] >= 0 else { return nil }
      result.append(UInt8(truncatingIfNeeded: bytes[Int(scalar)]))
      index += length
    }
    return result
  }

  static func encode(_ text: ByteText) -> [UInt8] {
    var result: [UInt8] = []
    for byte in text { result.append(scalar: scalars[Int(byte)]) }
    return result
  }

  static func map(_ pieces: inout Pieces) {
    pieces.rewrite { bytes, word, text, result in
      for index in word {
        result.append(scalar: scalars[Int(bytes[index])], origin: text.origin(of: index..<index + 1))
      }
    }
  }
}
