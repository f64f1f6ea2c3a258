/// Lowercase mappings, scalar by scalar as Rust's `char::to_lowercase`: no context, so no final sigma.
struct Lowercase: Sendable {
  static let shared = Lowercase()

  private var single = ScalarMap()

  private init() {
    for value: UInt32 in 0..<0x20000 {
      guard let scalar = Unicode.Scalar(value), scalar.properties.changesWhenLowercased else { continue }
      let lower = scalar.properties.lowercaseMapping.unicodeScalars
      if lower.count == 1, let first = lower.first { single.set(first.value, for: value) }
    }
  }

  @inline(__always)
  func forEach(_ scalar: UInt32, _ body: (UInt32) -> Void) {
    if scalar == 0x130 {
      // The only one with two: i and a dot above.
      body(0x69)
      body(0x307)
    } else {
      let lower = single[scalar]
      body(lower == 0 ? scalar : lower)
    }
  }
}
