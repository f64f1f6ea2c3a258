/// Lets text through up to the first of some stop texts, wherever pieces happen to part them.
///
/// What could be the beginning of a stop text is held back until it is known. Texts are compared as they are stored: a
/// stop of a line feed is found behind a carriage return too, with which it is one character.
struct StopCutter {
  private let stops: [[UInt8]]
  private var held: [UInt8] = []
  private(set) var isEnded = false

  init(_ stops: [String]) { self.stops = stops.filter { !$0.isEmpty }.map { Array($0.utf8) } }

  /// The text that is certain now, and whether a stop text has come.
  mutating func take(_ piece: String) -> (text: String, isEnd: Bool) {
    guard !isEnded else { return ("", true) }
    held += piece.utf8
    if let cut = stops.compactMap(place).min() {
      isEnded = true
      defer { held = [] }
      return (String(decoding: held[..<cut], as: UTF8.self), true)
    }
    let cut = held.count - (stops.map(beginning).max() ?? 0)
    defer { held.removeFirst(cut) }
    return (String(decoding: held[..<cut], as: UTF8.self), false)
  }

  /// What was held back and turned out to be no stop text.
  mutating func rest() -> String {
    defer { held = [] }
    return String(decoding: held, as: UTF8.self)
  }

  /// Where a stop text begins.
  private func place(of stop: [UInt8]) -> Int? {
    guard held.count >= stop.count else { return nil }
    return (0...held.count - stop.count).first { held[$0...].starts(with: stop) }
  }

  /// The number of bytes at the end that begin a stop text.
  private func beginning(of stop: [UInt8]) -> Int {
    (1..<stop.count).last { held.suffix($0).elementsEqual(stop.prefix($0)) } ?? 0
  }
}
