/// The mean of some repetitions of a measurement and their spread.
public struct Statistic: Codable, Equatable, Sendable {
  public var mean: Double
  /// The sample standard deviation, √(Σ(x − mean)² / (n − 1)); zero for a single value, which has no spread.
  public var std: Double
  /// How many values, normally one for each seed.
  public var n: Int

  public init(mean: Double, std: Double, n: Int) {
    self.mean = mean
    self.std = std
    self.n = n
  }

  /// Nil of no values.
  public init?(_ values: some Collection<Double>) {
    guard let mean = values.mean else { return nil }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    self.init(
      mean: mean, std: values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : 0,
      n: values.count)
  }
}
