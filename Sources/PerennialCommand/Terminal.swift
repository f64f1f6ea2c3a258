import Foundation

/// What the device behind a file descriptor can show.
struct Terminal: Equatable {
  /// Whether a person may be watching: lines can be rewritten.
  var isInteractive: Bool
  /// Whether colour is welcome (no `NO_COLOR`, see no-color.org).
  var hasColor: Bool
  /// The number of columns.
  var width: Int

  /// Nothing but lines of text, as for a file or a pipe.
  static let plain = Terminal(isInteractive: false, hasColor: false, width: 80)

  /// What stands behind a descriptor.
  static func of(_ descriptor: Int32, environment: [String: String] = ProcessInfo.processInfo.environment)
    -> Terminal
  {
    Terminal(isTTY: isatty(descriptor) == 1, columns: columns(descriptor), environment: environment)
  }

  init(isInteractive: Bool, hasColor: Bool, width: Int) {
    self.isInteractive = isInteractive
    self.hasColor = hasColor
    self.width = width
  }

  init(isTTY: Bool, columns: Int?, environment: [String: String]) {
    isInteractive = isTTY && environment["TERM"] != "dumb"
    hasColor = isInteractive && (environment["NO_COLOR"] ?? "").isEmpty
    width = columns ?? environment["COLUMNS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } ?? 80
  }

  /// The width for tables: files and pipes take any.
  var tableWidth: Int { isInteractive ? width : .max }

  static func columns(_ descriptor: Int32) -> Int? {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  enum Color: Int {
    case red = 31
    case green = 32
    case yellow = 33
    case faint = 2
    case bold = 1
  }

  /// The text in a colour, where colour is welcome.
  func paint(_ text: String, _ color: Color) -> String {
    hasColor ? "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m" : text
  }
}
