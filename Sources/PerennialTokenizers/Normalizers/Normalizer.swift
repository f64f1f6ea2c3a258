/// How text is cleaned before it is cut, as the `normalizer` of tokenizer.json says.
indirect enum Normalizer: Sendable {
  case sequence([Normalizer])
  case bert(BertNormalizer)
  case form(UnicodeNormalization)
  case lowercase
  case strip(left: Bool, right: Bool)
  case stripAccents
  case replace(TextPattern, by: [UInt8])
  case prepend([UInt8])
  case precompiled(PrecompiledCharacterMap)
  case nmt
  case byteLevel

  private static let names = [
    "BertNormalizer", "ByteLevel", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt", "Precompiled", "Prepend",
    "Replace", "Sequence", "Strip", "StripAccents",
  ]

  init(_ node: JSONNode) throws {
    let type = try node.required("type").string()
    switch type {
    case "Sequence": self = .sequence(try node.required("normalizers").elements().map(Normalizer.init))
    case "BertNormalizer": self = .bert(try BertNormalizer(node))
    case "NFC": self = .form(.nfc)
    case "NFD": self = .form(.nfd)
    case "NFKC": self = .form(.nfkc)
    case "NFKD": self = .form(.nfkd)
    case "Lowercase": self = .lowercase
    case "Strip":
      self = .strip(
        left: try node.required("strip_left").bool(), right: try node.required("strip_right").bool())
    case "StripAccents": self = .stripAccents
    case "Replace":
      self = .replace(
        try TextPattern(node.required("pattern")), by: Array(try node.required("content").string().utf8))
    case "Prepend": self = .prepend(Array(try node.required("prepend").string().utf8))
    case "Precompiled":
      self = .precompiled(try PrecompiledCharacterMap(node.required("precompiled_charsmap")))
    case "Nmt": self = .nmt
    case "ByteLevel": self = .byteLevel
    default:
      throw TokenizerError.unknownComponent(file: node.file, key: node.key, type: type, allowed: Self.names)
    }
  }

  func apply(to text: inout AlignedText) {
    guard !text.isEmpty else { return }
    switch self {
    case .sequence(let parts): for part in parts { part.apply(to: &text) }
    case .bert(let normalizer): normalizer.apply(to: &text)
    case .form(let form): form.apply(to: &text)
    case .lowercase:
      text.rewrite { scalar, origin, result in
        if scalar < 0x80 {
          let isUpper = scalar >= 0x41 && scalar <= 0x5a
          result.append(scalar: isUpper ? scalar + 0x20 : scalar, origin: origin)
        } else {
          Lowercase.shared.forEach(scalar) { result.append(scalar: $0, origin: origin) }
        }
      }
    case .strip(let left, let right): Self.strip(&text, left: left, right: right)
    case .stripAccents: text.filter { $0 < 0x80 || !CharacterClasses.shared[$0].contains(.mark) }
    case .replace(let pattern, let content): Self.replace(pattern, by: content, in: &text)
    case .prepend(let prefix): text.prepend(prefix)
    case .precompiled(let map): map.apply(to: &text)
    case .nmt: Self.cleanLikeNMT(&text)
    case .byteLevel: Self.mapBytes(of: &text)
    }
  }

  private static func strip(_ text: inout AlignedText, left: Bool, right: Bool) {
    let classes = CharacterClasses.shared
    let kept = text.bytes.withUnsafeBufferPointer { bytes in
      var start = 0
      var end = bytes.count
      while left, start < end {
        let (scalar, length) = bytes.scalar(at: start)
        guard classes[scalar].contains(.space) else { break }
        start += length
      }
      while right, end > start {
        let last = bytes.scalarStart(before: end)
        guard classes[bytes.scalar(at: last).value].contains(.space) else { break }
        end = last
      }
      return start..<end
    }
    text.keep(kept)
  }

  private static func replace(_ pattern: TextPattern, by content: [UInt8], in text: inout AlignedText) {
    var result = AlignedText(isTracked: text.isTracked)
    text.bytes.withUnsafeBufferPointer { bytes in
      pattern.forEachPiece(of: bytes) { range, isMatch in
        if isMatch {
          result.append(content, origin: text.origin(of: range))
        } else {
          result.append(text, range)
        }
      }
    }
    text = result
  }

  private static func cleanLikeNMT(_ text: inout AlignedText) {
    text.rewrite { scalar, origin, result in
      switch scalar {
      case 0x01...0x08, 0x0b, 0x0e...0x1f, 0x7f, 0x8f, 0x9f: break
      case 0x09, 0x0a, 0x0c, 0x0d, 0x1680, 0x200b...0x200f, 0x2028, 0x2029, 0x2581, 0xfeff, 0xfffd:
        result.append(scalar: 0x20, origin: origin)
      default: result.append(scalar: scalar, origin: origin)
      }
    }
  }

  private static func mapBytes(of text: inout AlignedText) {
    var result = AlignedText(isTracked: text.isTracked)
    for (index, byte) in text.bytes.enumerated() {
      result.append(scalar: ByteAlphabet.scalars[Int(byte)], origin: text.origin(of: index..<index + 1))
    }
    text = result
  }
}
