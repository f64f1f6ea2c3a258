/// A map from scalars to small numbers, in pages of 256 of which the empty ones share one.
struct ScalarMap: Sendable {
  private var pageNumbers = [UInt16](repeating: 0, count: 0x1100)
  private var values = [UInt32](repeating: 0, count: 256)

  /// The value of a scalar; 0 where none was set.
  @inline(__always)
  subscript(scalar: UInt32) -> UInt32 {
    let page = Int(scalar >> 8)
    guard page < 0x1100 else { return 0 }
    return values[Int(pageNumbers[page]) << 8 | Int(scalar & 0xff)]
  }

  mutating func set(_ value: UInt32, for scalar: UInt32) {
    let page = Int(scalar >> 8)
    guard page < 0x1100 else { return }
    if pageNumbers[page] == 0 {
      pageNumbers[page] = UInt16(values.count >> 8)
      values.append(contentsOf: repeatElement(0, count: 256))
    }
    values[Int(pageNumbers[page]) << 8 | Int(scalar & 0xff)] = value
  }
}
