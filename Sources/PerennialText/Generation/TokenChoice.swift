import Torch

/// Chooses the next tokens of a batch from their scores.
struct TokenChoice {
  private let sampling: GenerationOptions.Sampling?
  private let penalty: Double
  private let generator: Generator

  init(_ options: GenerationOptions) throws {
    sampling = options.sampling
    penalty = options.repetitionPenalty
    generator = try Generator(seed: options.seed)
  }

  /// One token for each row of scores `[N, V]`.
  ///
  /// - Parameter texts: The tokens of each row so far.
  func callAsFunction(_ scores: Tensor, texts: @autoclosure () -> [[Int]]) throws -> [Int] {
    guard sampling != nil else {
      return try (penalty == 1 ? scores : penalized(scores, texts())).argmax(-1).integers()
    }
    return try probabilities(scores, texts: texts()).multinomial(1, generator).flatten().integers()
  }

  /// The probabilities `[N, V]` that tokens are drawn by.
  func probabilities(_ scores: Tensor, texts: @autoclosure () -> [[Int]]) throws -> Tensor {
    var scores = penalty == 1 ? scores : try penalized(scores, texts())
    if let temperature = sampling?.temperature, temperature != 1 { scores = try scores / temperature }
    if let k = sampling?.topK { scores = try best(k, scores) }
    if let p = sampling?.topP, p < 1 { scores = try nucleus(p, scores) }
    return try scores.to(.float32).softmax()
  }

  private func penalized(_ scores: Tensor, _ texts: [[Int]]) throws -> Tensor {
    let result = try scores.clone()
    for (row, text) in texts.enumerated() {
      let tokens = try Tensor(Array(Set(text)).sorted()).to(scores.device)
      guard tokens.count > 0 else { continue }
      let values = try scores[row].indexSelect(tokens)
      try result[row].indexCopy(tokens, from: Tensor.choose(values .< 0, values * penalty, values / penalty))
    }
    return result
  }

  private func best(_ k: Int, _ scores: Tensor) throws -> Tensor {
    let count = Swift.min(k, scores.shape[1])
    let least = try scores.topK(count).values.narrow(dim: 1, start: count - 1, count: 1)
    return try scores.maskedFill(scores .< least, -Double.infinity)
  }

  private func nucleus(_ p: Double, _ scores: Tensor) throws -> Tensor {
    let (values, indices) = try scores.sorted(descending: true)
    let probabilities = try values.softmax()
    // What lies before a token decides: the likeliest always stays.
    let isOut = try (probabilities.cumulativeSum(1) - probabilities) .>= p
    return try scores.scatter(indices, values.maskedFill(isOut, -Double.infinity), dim: 1)
  }
}
