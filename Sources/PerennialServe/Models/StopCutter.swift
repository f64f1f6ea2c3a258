import Foundation

/// Lets text through up to the first of some stop texts, wherever pieces happen to part them.
///
/// What could be the beginning of a stop text is held back until it is known.
struct StopCutter {
  private let stops: [String]
  private var held = ""
  private(set) var isEnded = false

  init(_ stops: [String]) { self.stops = stops.filter { !$0.isEmpty } }

  /// The text that is certain now, and whether a stop text has come.
  mutating func take(_ piece: String) -> (text: String, isEnd: Bool) {
    guard !isEnded else { return ("", true) }
    held += piece
    let cuts = stops.compactMap { held.range(of: $0)?.lowerBound }
    if let cut = cuts.min() {
      isEnded = true
      defer { held = "" }
      return (String(held[..<cut]), true)
    }
    let kept = stops.map(beginning).max() ?? 0
    let cut = held.index(held.endIndex, offsetBy: -kept)
    defer { held = String(held[cut...]) }
    return (String(held[..<cut]), false)
  }

  /// What was held back and turned out to be no stop text.
  mutating func rest() -> String {
    defer { held = "" }
    return held
  }

  /// The number of characters at the end that begin a stop text.
  private func beginning(of stop: String) -> Int {
    (1..<max(stop.count, 1)).last { held.hasSuffix(stop.prefix($0)) } ?? 0
  }
}
