/// Text on its way through normalizers: its bytes and, where offsets are wanted, the bytes of the original that each
/// one came from.
struct AlignedText {
  private(set) var bytes: [UInt8] = []
  /// One range for each byte; empty when nobody asked for them.
  private(set) var origins: [Range<Int32>] = []
  let isTracked: Bool

  init(isTracked: Bool) { self.isTracked = isTracked }

  /// - Parameter start: where `source` lies in the original.
  init(_ source: ByteText, start: Int, isTracked: Bool) {
    self.isTracked = isTracked
    append(source, start: start)
  }

  mutating func append(_ source: ByteText, start: Int) {
    bytes.append(contentsOf: source)
    guard isTracked else { return }
    source.forEachScalar { _, range in
      let origin = Int32(clamping: start + range.lowerBound)..<Int32(clamping: start + range.upperBound)
      for _ in range { origins.append(origin) }
    }
  }

  var isEmpty: Bool { bytes.isEmpty }

  /// The bytes of the original behind a range of these.
  func origin(of range: Range<Int>) -> Range<Int32> {
    guard isTracked, !range.isEmpty else { return 0..<0 }
    let first = origins[range.lowerBound]
    return first.lowerBound..<max(first.lowerBound, origins[range.upperBound - 1].upperBound)
  }

  mutating func append(scalar: UInt32, origin: Range<Int32>) {
    bytes.append(scalar: scalar)
    extendOrigins(origin)
  }

  mutating func append(_ text: some Collection<UInt8>, origin: Range<Int32>) {
    bytes.append(contentsOf: text)
    extendOrigins(origin)
  }

  /// Takes over a part of another text as it is.
  mutating func append(_ other: borrowing AlignedText, _ range: Range<Int>) {
    bytes.append(contentsOf: other.bytes[range])
    if isTracked { origins.append(contentsOf: other.origins[range]) }
  }

  private mutating func extendOrigins(_ origin: Range<Int32>) {
    guard isTracked else { return }
    while origins.count < bytes.count { origins.append(origin) }
  }

  /// Puts text before the first byte, with that byte's origin.
  mutating func prepend(_ text: [UInt8]) {
    let origin = origins.first ?? 0..<0
    bytes.insert(contentsOf: text, at: 0)
    if isTracked { origins.insert(contentsOf: repeatElement(origin, count: text.count), at: 0) }
  }

  /// Each scalar is replaced by what `body` appends for it.
  mutating func rewrite(_ body: (UInt32, Range<Int32>, inout AlignedText) -> Void) {
    var result = AlignedText(isTracked: isTracked)
    result.bytes.reserveCapacity(bytes.count)
    bytes.withUnsafeBufferPointer { text in
      text.forEachScalar { scalar, range in body(scalar, origin(of: range), &result) }
    }
    self = result
  }

  mutating func filter(_ isKept: (UInt32) -> Bool) {
    rewrite { scalar, origin, result in
      if isKept(scalar) { result.append(scalar: scalar, origin: origin) }
    }
  }

  mutating func keep(_ range: Range<Int>) {
    bytes.removeSubrange(range.upperBound...)
    bytes.removeSubrange(..<range.lowerBound)
    if isTracked {
      origins.removeSubrange(range.upperBound...)
      origins.removeSubrange(..<range.lowerBound)
    }
  }
}
