import Foundation

/// Colours for a number, from the page's background to a deep green: light and dark follow each other strictly, so
/// the scale reads without colour vision and on grey paper.
struct HeatScale {
  static let levels = 21
  let low: Double
  let high: Double

  /// Fractions are coloured from 0 to 1; other scores over their own range.
  init(_ scores: some Sequence<Double>) {
    let (low, high) = scores.reduce((0.0, 1.0)) { (min($0.0, $1), max($0.1, $1)) }
    (self.low, self.high) = (low, high)
  }

  var isFraction: Bool { low == 0 && high == 1 }

  func level(_ score: Double) -> Int {
    guard score.isFinite, (high - low).isFinite else { return 0 }
    return Int((min(max((score - low) / (high - low), 0), 1) * Double(Self.levels - 1)).rounded())
  }

  /// The number in a cell: "98" of 0.98.
  func text(_ score: Double) -> String {
    isFraction ? NumberText.fixed(100 * score, 0) : NumberText.magnitude(score)
  }

  // Even steps of lightness in one hue; the first of each is a shade off the page's background.
  private static let light: [[Double]] = [
    [241, 238, 229], [205, 224, 208], [146, 196, 170], [82, 155, 129], [31, 107, 84], [11, 61, 49],
  ]
  private static let dark: [[Double]] = [
    [37, 40, 37], [33, 62, 52], [38, 97, 78], [60, 140, 112], [117, 188, 156], [203, 240, 217],
  ]

  /// The style rules of all levels in both themes.
  static let css: String = {
    let rules = { (anchors: [[Double]]) in
      (0..<levels).map { level in
        let color = interpolate(anchors, at: Double(level) / Double(levels - 1))
        let ink = ink(on: luminance(color))
        let text = color.map { String(Int($0.rounded())) }.joined(separator: ",")
        return ".h\(level){fill:rgb(\(text))}.t\(level){fill:\(ink)}"
      }.joined(separator: "\n")
    }
    return "\(rules(light))\n@media screen and (prefers-color-scheme:dark){\n\(rules(dark))\n}"
  }()

  /// The softest ink that still reads on a colour of that luminance: a contrast of 4.5 or more.
  private static func ink(on paper: Double) -> String {
    let inks = [("#14211b", 0.0137), ("#f7faf7", 0.949), ("#000000", 0), ("#ffffff", 1)]
    let readable = inks.first { (max($0.1, paper) + 0.05) / (min($0.1, paper) + 0.05) >= 4.5 }
    return readable?.0 ?? "#000000"
  }

  private static func interpolate(_ anchors: [[Double]], at place: Double) -> [Double] {
    let position = place * Double(anchors.count - 1)
    let index = min(Int(position), anchors.count - 2)
    let part = position - Double(index)
    return zip(anchors[index], anchors[index + 1]).map { $0 + part * ($1 - $0) }
  }

  /// Relative luminance as WCAG 2 defines it, of a colour in sRGB 0…255.
  static func luminance(_ color: [Double]) -> Double {
    let linear = color.map { channel in
      let value = channel / 255
      return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
    }
    return zip(linear, [0.2126, 0.7152, 0.0722]).reduce(0) { $0 + $1.0 * $1.1 }
  }
}
