import Foundation

/// A Unicode normalization form (UAX #15), applied to scalars so that each keeps its origin.
struct UnicodeNormalization: Sendable {
  private let decompositions: Decompositions
  private let composes: Bool

  static let nfd = UnicodeNormalization(decompositions: .canonical, composes: false)
  static let nfc = UnicodeNormalization(decompositions: .canonical, composes: true)
  static let nfkd = UnicodeNormalization(decompositions: .compatible, composes: false)
  static let nfkc = UnicodeNormalization(decompositions: .compatible, composes: true)

  /// A scalar, where it came from, and its canonical combining class.
  struct Element {
    var scalar: UInt32
    var origin: Range<Int32>
    var combiningClass: UInt8
  }

  func apply(to text: inout AlignedText) {
    // ASCII is in every form; NFC has nothing to change below U+0300.
    let unchanged: UInt8 = composes && decompositions.isCanonical ? 0xcc : 0x80
    guard text.bytes.contains(where: { $0 >= unchanged }) else { return }
    var elements: [Element] = []
    elements.reserveCapacity(text.bytes.count)
    text.bytes.withUnsafeBufferPointer { bytes in
      bytes.forEachScalar { scalar, range in
        decompose(scalar, origin: text.origin(of: range), into: &elements)
      }
    }
    Self.order(&elements)
    if composes { compose(&elements) }
    var result = AlignedText(isTracked: text.isTracked)
    for element in elements { result.append(scalar: element.scalar, origin: element.origin) }
    text = result
  }

  @inline(__always)
  func decompose(_ scalar: UInt32, origin: Range<Int32>, into elements: inout [Element]) {
    decompositions.forEach(scalar) { part in
      elements.append(
        Element(scalar: part, origin: origin, combiningClass: CombiningClasses.shared[part]))
    }
  }

  /// Stable order of each run of combining marks by class.
  static func order(_ elements: inout [Element]) {
    guard elements.count > 1 else { return }
    for index in 1..<elements.count where elements[index].combiningClass != 0 {
      var position = index
      while position > 0, elements[position - 1].combiningClass > elements[position].combiningClass {
        elements.swapAt(position - 1, position)
        position -= 1
      }
    }
  }

  private func compose(_ elements: inout [Element]) {
    var result: [Element] = []
    result.reserveCapacity(elements.count)
    var starter: Int?
    for element in elements {
      if let index = starter {
        let last = result[result.count - 1]
        let isBlocked =
          result.count - 1 > index
          && (last.combiningClass == 0 || last.combiningClass >= element.combiningClass)
        if !isBlocked, let composed = Compositions.shared.compose(result[index].scalar, element.scalar) {
          result[index].scalar = composed
          result[index].origin =
            result[index].origin.lowerBound..<max(result[index].origin.upperBound, element.origin.upperBound)
          continue
        }
      }
      if element.combiningClass == 0 { starter = result.count }
      result.append(element)
    }
    elements = result
  }
}

/// Canonical combining classes of the scalars that have one.
private enum CombiningClasses {
  static let shared: ScalarMapView = {
    var map = ScalarMap()
    for value: UInt32 in 0x300..<0x20000 {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let combiningClass = scalar.properties.canonicalCombiningClass.rawValue
      if combiningClass != 0 { map.set(UInt32(combiningClass), for: value) }
    }
    return ScalarMapView(map: map)
  }()

  struct ScalarMapView: Sendable {
    let map: ScalarMap

    @inline(__always)
    subscript(scalar: UInt32) -> UInt8 { scalar < 0x300 ? 0 : UInt8(truncatingIfNeeded: map[scalar]) }
  }
}
