import Foundation

/// Looks for bytes in a file.
struct ByteSearch {
  private let data: Data

  /// - Throws: `CocoaError` for a file that cannot be read.
  init(_ url: URL) throws { data = try Data(contentsOf: url, options: .mappedIfSafe) }

  /// Whether any of these is somewhere in the file; nothing is in no file.
  func finds(anyOf needles: [Data]) -> Bool { needles.contains { !$0.isEmpty && finds($0) } }

  private func finds(_ needle: Data) -> Bool {
    data.withUnsafeBytes { hay in
      needle.withUnsafeBytes { wanted in
        guard let start = hay.baseAddress, let first = wanted.first, let bytes = wanted.baseAddress else {
          return false
        }
        var place = 0
        while place + wanted.count <= hay.count {
          let rest = hay.count - wanted.count + 1 - place
          guard let hit = memchr(start + place, Int32(first), rest) else { return false }
          if memcmp(hit, bytes, wanted.count) == 0 { return true }
          place = UnsafeRawPointer(hit) - start + 1
        }
        return false
      }
    }
  }
}
