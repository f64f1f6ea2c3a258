/// A size of memory in bytes, written `500 KiB`, `2 MB` or as a plain number.
public struct ByteCount: Codable, Hashable, Sendable {
  public let bytes: Int

  public init(_ bytes: Int) { self.bytes = bytes }

  private static let units: KeyValuePairs = [
    "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "kB": 1000, "KB": 1000, "MB": 1_000_000,
    "GB": 1_000_000_000,
    "B": 1,
  ]
}

extension ByteCount: ConfigurationScalar {
  static func read(_ node: ConfigurationNode) throws -> ByteCount {
    guard case .scalar(let text, _) = node.content, !node.isNull else {
      throw node.error("must be a size such as `500 KiB`, found \(node.found)")
    }
    let unit = units.first { text.hasSuffix($0.key) }
    let digits = text.dropLast(unit?.key.count ?? 0).filter { $0 != " " }
    guard let number = Double(configurationNumber: String(digits)), number > 0,
      let bytes = Int(exactly: (number * Double(unit?.value ?? 1)).rounded())
    else {
      throw node.error(
        "must be a size above 0 with one of the units \(units.map(\.key).quotedList), such as `500 KiB`, found \(node.found)"
      )
    }
    return ByteCount(bytes)
  }

  var content: ConfigurationNode.Content { .scalar("\(bytes)", isQuoted: false) }
}
