import Foundation

/// Standard error: what is said about the work, while standard output carries its result.
enum Console {
  static func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}
