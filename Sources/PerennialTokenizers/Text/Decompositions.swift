import Foundation

/// The full decomposition of every scalar of Unicode 9, the reference library's, taken from Foundation once.
struct Decompositions: Sendable {
  static let canonical = Decompositions(isCanonical: true)
  static let compatible = Decompositions(isCanonical: false)

  let isCanonical: Bool
  /// For each scalar 0, or the start of its parts times 32 plus their number.
  private var places = ScalarMap()
  private var parts: [UInt32] = [0]

  private static let hangul: Range<UInt32> = 0xac00..<0xd7a4

  private init(isCanonical: Bool) {
    self.isCanonical = isCanonical
    // One call for all: line feeds keep the scalars apart and are changed by no form.
    let scalars = ([0x80..<0x20000, 0x2f800..<0x2fa20] as [Range<UInt32>]).joined().compactMap {
      Self.hangul.contains($0) ? nil : Unicode.Scalar($0)
    }.filter { $0.properties.isAsOld(as: (9, 0)) }
    var text = String.UnicodeScalarView()
    for scalar in scalars {
      text.append(scalar)
      text.append("\n")
    }
    let source = String(text)
    let decomposed =
      isCanonical
      ? source.decomposedStringWithCanonicalMapping : source.decomposedStringWithCompatibilityMapping
    let lines = decomposed.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
    for (scalar, line) in zip(scalars, lines) where line.count != 1 || line.first != scalar {
      places.set(UInt32(parts.count) << 5 | UInt32(line.count), for: scalar.value)
      parts.append(contentsOf: line.lazy.map(\.value))
    }
  }

  @inline(__always)
  func forEach(_ scalar: UInt32, _ body: (UInt32) -> Void) {
    if scalar < 0x80 { return body(scalar) }
    if Self.hangul.contains(scalar) {
      let index = scalar - 0xac00
      body(0x1100 + index / 588)
      body(0x1161 + index % 588 / 28)
      if index % 28 != 0 { body(0x11a7 + index % 28) }
      return
    }
    let place = places[scalar]
    if place == 0 { return body(scalar) }
    let start = Int(place >> 5)
    for index in start..<start + Int(place & 31) { body(parts[index]) }
  }

  /// The scalars that decompose, Hangul syllables aside, with their parts.
  var all: [(scalar: UInt32, parts: [UInt32])] {
    ([0x80..<0x20000, 0x2f800..<0x2fa20] as [Range<UInt32>]).joined().compactMap { scalar in
      guard places[scalar] != 0 else { return nil }
      var found: [UInt32] = []
      forEach(scalar) { found.append($0) }
      return (scalar, found)
    }
  }
}

/// Pairs that compose canonically.
struct Compositions: Sendable {
  static let shared = Compositions()

  private var pairs: [UInt64: UInt32] = [:]

  private init() {
    // A composite is a scalar that is its own NFC; its last part joins the composite of those before it.
    var composites: [[UInt32]: UInt32] = [:]
    for (scalar, parts) in Decompositions.canonical.all where parts.count > 1 {
      guard let value = Unicode.Scalar(scalar),
        String(value).precomposedStringWithCanonicalMapping.unicodeScalars.elementsEqual([value])
      else { continue }
      composites[parts] = scalar
    }
    for (parts, scalar) in composites {
      let first = parts.count == 2 ? parts[0] : composites[Array(parts.dropLast())]
      if let first, let last = parts.last { pairs[Self.key(first, last)] = scalar }
    }
  }

  private static func key(_ first: UInt32, _ second: UInt32) -> UInt64 {
    UInt64(first) << 32 | UInt64(second)
  }

  func compose(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if first >= 0x1100, first < 0x1113, second >= 0x1161, second < 0x1176 {
      return 0xac00 + ((first - 0x1100) * 21 + second - 0x1161) * 28
    }
    if first >= 0xac00, first < 0xd7a4, (first - 0xac00) % 28 == 0, second > 0x11a7, second < 0x11c3 {
      return first + second - 0x11a7
    }
    return pairs[Self.key(first, second)]
  }
}
