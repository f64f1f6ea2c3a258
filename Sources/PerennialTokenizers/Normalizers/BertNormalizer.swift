/// BERT's cleaning (Devlin et al. 2019): control characters go, white space becomes spaces, Chinese characters stand
/// alone, accents and capitals go.
struct BertNormalizer: Sendable {
  private let cleans: Bool
  private let separatesChinese: Bool
  private let stripsAccents: Bool
  private let lowercases: Bool
  /// What becomes of each ASCII character; 0 where it is removed.
  private let ascii: [UInt8]

  init(_ node: JSONNode) throws {
    cleans = try node.required("clean_text").bool()
    separatesChinese = try node.required("handle_chinese_chars").bool()
    lowercases = try node.required("lowercase").bool()
    stripsAccents = try node.optional("strip_accents")?.bool() ?? lowercases
    let (cleans, lowercases) = (cleans, lowercases)
    ascii = (0..<128).map { (byte: UInt8) in
      switch byte {
      case 0x41...0x5a where lowercases: byte + 0x20
      case 0x09 where cleans, 0x0a where cleans, 0x0d where cleans: 0x20
      case 0x00...0x1f where cleans, 0x7f where cleans: 0
      default: byte
      }
    }
  }

  func apply(to text: inout AlignedText) {
    var result = AlignedText(isTracked: text.isTracked)
    text.bytes.withUnsafeBufferPointer { bytes in
      var index = 0
      while index < bytes.count {
        var end = index
        if bytes[index] < 0x80 {
          while end < bytes.count, bytes[end] < 0x80 { end += 1 }
          appendASCII(bytes, index..<end, text, to: &result)
        } else {
          while end < bytes.count, bytes[end] >= 0x80 { end += bytes.scalarLength(at: end) }
          append(bytes, index..<end, text, to: &result)
        }
        index = end
      }
    }
    text = result
  }

  private func appendASCII(
    _ bytes: ByteText, _ range: Range<Int>, _ text: borrowing AlignedText, to result: inout AlignedText
  ) {
    ascii.withUnsafeBufferPointer { ascii in
      for index in range {
        let mapped = ascii[Int(bytes[index])]
        // A NUL stays when nothing is cleaned.
        if mapped != 0 || !cleans { result.append(byte: mapped, origin: text, index) }
      }
    }
  }

  /// A run without ASCII. Its decomposition does not depend on what is around it.
  private func append(
    _ bytes: ByteText, _ range: Range<Int>, _ text: borrowing AlignedText, to result: inout AlignedText
  ) {
    let classes = CharacterClasses.shared
    var elements: [UnicodeNormalization.Element] = []
    var index = range.lowerBound
    while index < range.upperBound {
      let (scalar, length) = bytes.scalar(at: index)
      let origin = text.origin(of: index..<index + length)
      index += length
      let found = classes[scalar]
      if cleans, found.contains(.other) || scalar == 0xfffd { continue }
      let cleaned = cleans && found.contains(.space) ? 0x20 : scalar
      let isChinese = separatesChinese && found.contains(.chinese)
      if isChinese { elements.append(.init(scalar: 0x20, origin: origin, combiningClass: 0)) }
      if stripsAccents {
        UnicodeNormalization.nfd.decompose(cleaned, origin: origin, into: &elements)
      } else {
        elements.append(.init(scalar: cleaned, origin: origin, combiningClass: 0))
      }
      if isChinese { elements.append(.init(scalar: 0x20, origin: origin, combiningClass: 0)) }
    }
    if stripsAccents { UnicodeNormalization.order(&elements) }
    for element in elements {
      if stripsAccents, element.scalar >= 0x80, classes[element.scalar].contains(.nonspacingMark) { continue }
      if lowercases, element.scalar >= 0x41 {
        Lowercase.shared.forEach(element.scalar) { result.append(scalar: $0, origin: element.origin) }
      } else {
        result.append(scalar: element.scalar, origin: element.origin)
      }
    }
  }
}

extension AlignedText {
  /// Appends a byte whose origin is that of a byte of another text.
  @inline(__always)
  mutating func append(byte: UInt8, origin other: borrowing AlignedText, _ index: Int) {
    append(CollectionOfOne(byte), origin: isTracked ? other.origin(of: index..<index + 1) : 0..<0)
  }
}
