import Foundation

/// Adaptive windowing (Bifet & Gavaldà, Learning from time-changing data with adaptive windowing, 2007), ADWIN2.
///
/// A window of the numbers so far, as long as no cut divides it into W₀ and W₁ with
///
///     |μ₀ − μ₁| > √(2/m · σ² · ln(2 ln n / δ)) + 2/(3m) · ln(2 ln n / δ),   1/m = 1/n₀ + 1/n₁
///
/// is kept in an exponential histogram of O(log n) buckets; what lies before a cut is dropped, and that is a drift.
public struct ADWIN: DriftDetector {
  /// What a recipe can choose.
  public struct Options: Configurable {
    /// δ, the confidence.
    public var delta = 0.002
    /// Cuts are looked for every so many numbers.
    public var clock = 32
    /// Buckets of one size before two become one.
    public var buckets = 5
    /// The shortest part of a window that takes part in a cut.
    public var minimumPart = 5
    /// Numbers before any cut.
    public var grace = 10

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("delta", delta, in: 0...1)
      try node.require("clock", clock, atLeast: 1)
      try node.require("buckets", buckets, atLeast: 2)
      try node.require("minimum_part", minimumPart, atLeast: 1)
      try node.require("grace", grace, atLeast: 0)
    }
  }

  /// Sum, and sum of squared deviations, of 2^row numbers.
  private struct Bucket: Codable, Sendable {
    var total: Double
    var deviation: Double
  }

  /// What was chosen.
  public let options: Options
  public private(set) var isDrift = false
  /// How many numbers the window holds, their sum, and the sum of their squared deviations.
  public private(set) var width = 0.0
  public private(set) var total = 0.0
  public private(set) var deviation = 0.0
  /// Row r holds buckets of 2^r numbers, the oldest first; the last row is the oldest.
  private var rows: [[Bucket]] = [[]]
  private var ticks = 0

  public init(_ options: Options = Options()) { self.options = options }

  /// The mean of the window.
  public var estimate: Double { width > 0 ? total / width : 0 }

  public mutating func update(_ value: Double) {
    if isDrift { self = ADWIN(options) }
    insert(value)
    ticks += 1
    guard ticks % options.clock == 0, width > Double(options.grace) else { return }
    while findsCut() {
      dropOldest()
      isDrift = true
    }
  }

  private mutating func insert(_ value: Double) {
    rows[0].append(Bucket(total: value, deviation: 0))
    width += 1
    if width > 1 {
      let distance = value - total / (width - 1)
      deviation += (width - 1) * distance * distance / width
    }
    total += value
    var row = 0
    while row < rows.count, rows[row].count > options.buckets {
      if row + 1 == rows.count { rows.append([]) }
      rows[row + 1].append(Self.merged(rows[row][0], rows[row][1], size: Self.size(row)))
      rows[row].removeFirst(2)
      row += 1
    }
  }

  private static func size(_ row: Int) -> Double { Double(1 << row) }

  private static func merged(_ one: Bucket, _ other: Bucket, size: Double) -> Bucket {
    let distance = one.total / size - other.total / size
    return Bucket(
      total: one.total + other.total,
      deviation: one.deviation + other.deviation + size * size * distance * distance / (size + size))
  }

  private func findsCut() -> Bool {
    let least = Double(options.minimumPart)
    let confidence = log(2 * log(width) / options.delta)
    let variance = deviation / width
    var (before, after) = (0.0, width)
    var (totalBefore, totalAfter) = (0.0, total)
    for row in rows.indices.reversed() {
      for (place, bucket) in rows[row].enumerated() {
        before += Self.size(row)
        after -= Self.size(row)
        totalBefore += bucket.total
        totalAfter -= bucket.total
        if row == 0, place == rows[row].count - 1 { return false }
        guard before >= least, after >= least else { continue }
        let reciprocal = 1 / (before - least + 1) + 1 / (after - least + 1)
        let bound =
          (2 * reciprocal * variance * confidence).squareRoot() + 2.0 / 3.0 * confidence * reciprocal
        if abs(totalBefore / before - totalAfter / after) > bound { return true }
      }
    }
    return false
  }

  private mutating func dropOldest() {
    guard let last = rows.indices.last, let bucket = rows[last].first else { return }
    let size = Self.size(last)
    width -= size
    total -= bucket.total
    let distance = bucket.total / size - total / width
    deviation -= bucket.deviation + size * width * distance * distance / (size + width)
    rows[last].removeFirst()
    if rows[last].isEmpty { rows.removeLast() }
  }
}
