import Torch

/// How rows of tokens `[N, L]` tell what is given from what is to be written, as far as they all agree.
struct WrittenForm: Codable, Equatable {
  /// The token that begins every row.
  let start: Int
  /// The token before what is to be written; nil where that is all.
  let separator: Int?

  /// - Throws: `StrategyError.model` for rows that do not agree, or that are no rows of one text.
  init(of examples: Examples, for strategy: String) throws {
    guard examples.inputs.rank == 2, examples.targets.shape == examples.inputs.shape else {
      throw StrategyError.model(strategy, "it takes rows of one text each; leave `pack` out")
    }
    let length = examples.inputs.shape[1]
    let (ids, targets) = (try examples.inputs.integers(), try examples.targets.integers())
    var (starts, separators): (Set<Int>, Set<Int?>) = ([], [])
    for row in 0..<examples.count {
      let places = row * length..<(row + 1) * length
      guard let first = places.first(where: { targets[$0] != TokenPrediction.ignored }) else { continue }
      starts.insert(ids[places.lowerBound])
      separators.insert(first == places.lowerBound ? nil : ids[first])
    }
    guard starts.count == 1, let start = starts.first else {
      throw StrategyError.model(strategy, "every row must begin with the same token, which asks for a text")
    }
    guard separators.count == 1, let separator = separators.first else {
      throw StrategyError.model(
        strategy, "every prompt must end with the same token: give `separator` to the rows of the data")
    }
    (self.start, self.separator) = (start, separator)
  }

  /// A written text as a row: inputs and targets; nil for one that does not have the form.
  func row(_ text: [Int], length: Int, filler: Int) -> (inputs: [Int], targets: [Int])? {
    guard !text.isEmpty else { return nil }
    let inputs = [start] + text.dropLast()
    var targets = text
    if let separator {
      let marks = inputs.indices.filter { inputs[$0] == separator }
      guard marks.count == 1 else { return nil }
      for place in 0..<marks[0] { targets[place] = TokenPrediction.ignored }
    }
    let missing = [Int](repeating: 0, count: length - text.count)
    return (inputs + missing.map { _ in filler }, targets + missing.map { _ in TokenPrediction.ignored })
  }

  /// Targets `[N, L]` of the whole text up to its end, what is given included.
  static func wholeTargets(_ inputs: Tensor, _ targets: Tensor) throws -> Tensor {
    let targets = try targets.to(.int64)
    let counts = try targets .!= TokenPrediction.ignored
    // 1 from the last place that counts back to the start.
    let isBefore = try counts.to(.int64).flip([1]).cumulativeSum(1).flip([1]) .> 0
    let length = inputs.shape[1]
    let next = try Tensor.concatenate(
      [
        inputs.narrow(dim: 1, start: 1, count: length - 1),
        targets.narrow(dim: 1, start: length - 1, count: 1),
      ],
      dim: 1)
    let all = try Tensor.choose(counts, targets, next.to(.int64))
    return try all.maskedFill(isBefore.logicalNot(), TokenPrediction.ignored)
  }
}
