/// A view of UTF-8 text that is known to be valid.
typealias ByteText = UnsafeBufferPointer<UInt8>

extension UnsafeBufferPointer<UInt8> {
  /// The scalar that starts at `index`, and its length in bytes.
  @inline(__always)
  func scalar(at index: Int) -> (value: UInt32, length: Int) {
    let first = UInt32(self[index])
    if first < 0x80 { return (first, 1) }
    if first < 0xe0 { return ((first & 0x1f) << 6 | trail(index + 1), 2) }
    if first < 0xf0 { return ((first & 0x0f) << 12 | trail(index + 1) << 6 | trail(index + 2), 3) }
    return (
      (first & 0x07) << 18 | trail(index + 1) << 12 | trail(index + 2) << 6 | trail(index + 3), 4
    )
  }

  @inline(__always)
  private func trail(_ index: Int) -> UInt32 { UInt32(self[index]) & 0x3f }

  /// The length in bytes of the scalar that starts at `index`.
  @inline(__always)
  func scalarLength(at index: Int) -> Int {
    let first = self[index]
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  }

  /// Where the scalar begins that ends before `index`.
  @inline(__always)
  func scalarStart(before index: Int) -> Int {
    var start = index - 1
    while start > 0, self[start] & 0xc0 == 0x80 { start -= 1 }
    return start
  }

  @inline(__always)
  subscript(slice range: Range<Int>) -> ByteText { ByteText(rebasing: self[range]) }

  /// The scalars with the ranges of their bytes.
  func forEachScalar(_ body: (UInt32, Range<Int>) throws -> Void) rethrows {
    var index = 0
    while index < count {
      let (value, length) = scalar(at: index)
      try body(value, index..<index + length)
      index += length
    }
  }

  func starts(with prefix: [UInt8], at index: Int = 0) -> Bool {
    guard index + prefix.count <= count else { return false }
    for offset in 0..<prefix.count where self[index + offset] != prefix[offset] { return false }
    return true
  }
}

extension [UInt8] {
  @inline(__always)
  mutating func append(scalar: UInt32) {
    switch scalar {
    case ..<0x80: append(UInt8(scalar))
    case ..<0x800:
      append(UInt8(0xc0 | scalar >> 6))
      append(UInt8(0x80 | scalar & 0x3f))
    case ..<0x10000:
      append(UInt8(0xe0 | scalar >> 12))
      append(UInt8(0x80 | (scalar >> 6) & 0x3f))
      append(UInt8(0x80 | scalar & 0x3f))
    default:
      append(UInt8(0xf0 | scalar >> 18))
      append(UInt8(0x80 | (scalar >> 12) & 0x3f))
      append(UInt8(0x80 | (scalar >> 6) & 0x3f))
      append(UInt8(0x80 | scalar & 0x3f))
    }
  }
}
