import Testing
import Torch

@Suite("Losses give PyTorch's values and gradients")
struct LossTests {
  static let table: [String: @Sendable (GoldenCase) throws -> Tensor] = [
    "bce_with_logits": { try $0["input"].binaryCrossEntropy($0["target"]) },
    "bce_with_logits_large": { try $0["input"].binaryCrossEntropy($0["target"]) },
    "bce_with_logits_none": { try $0["input"].binaryCrossEntropy($0["target"], reduction: .none) },
    "bce_with_logits_positive_weight": {
      try $0["input"].binaryCrossEntropy($0["target"], positiveWeight: $0["weight"])
    },
    "cosine_embedding_0.0": { try $0["a"].cosineEmbeddingLoss($0["b"], target: $0["target"]) },
    "cosine_embedding_0.3": { try $0["a"].cosineEmbeddingLoss($0["b"], target: $0["target"], margin: 0.3) },
    "cross_entropy": { try $0["input"].crossEntropy($0["target"]) },
    "cross_entropy_2d": { try $0["input"].crossEntropy($0["target"]) },
    "cross_entropy_ignore": { try $0["input"].crossEntropy($0["target"]) },
    "cross_entropy_large": { try $0["input"].crossEntropy($0["target"]) },
    "cross_entropy_none": { try $0["input"].crossEntropy($0["target"], reduction: .none) },
    "cross_entropy_smoothing": { try $0["input"].crossEntropy($0["target"], labelSmoothing: 0.1) },
    "cross_entropy_soft": { try $0["input"].crossEntropy($0["target"]) },
    "cross_entropy_soft_smoothing": { try $0["input"].crossEntropy($0["target"], labelSmoothing: 0.1) },
    "cross_entropy_sum": { try $0["input"].crossEntropy($0["target"], reduction: .sum) },
    "cross_entropy_weight": { try $0["input"].crossEntropy($0["target"], weight: $0["weight"]) },
    "cross_entropy_weight_smoothing": {
      try $0["input"].crossEntropy($0["target"], weight: $0["weight"], labelSmoothing: 0.2)
    },
    "huber": { try $0["input"].huber($0["target"]) },
    "huber_delta": { try $0["input"].huber($0["target"], delta: 0.5) },
    "kl_div_batchmean": {
      try $0["input"].klDivergence(target: $0["target"], reduction: .sum) / $0["input"].shape[0]
    },
    "kl_div_log_target": {
      try $0["input"].klDivergence(target: $0["target"], targetIsLog: true, reduction: .sum)
        / $0["input"].shape[0]
    },
    "kl_div_mean": { try $0["input"].klDivergence(target: $0["target"], reduction: .mean) },
    "kl_div_none": { try $0["input"].klDivergence(target: $0["target"]) },
    "kl_div_sum": { try $0["input"].klDivergence(target: $0["target"], reduction: .sum) },
    "kl_div_zero_target": {
      try $0["input"].klDivergence(target: $0["target"], reduction: .sum) / $0["input"].shape[0]
    },
    "l1": { try $0["input"].absoluteError($0["target"]) },
    "l1_none": { try $0["input"].absoluteError($0["target"], reduction: .none) },
    "l1_sum": { try $0["input"].absoluteError($0["target"], reduction: .sum) },
    "mse": { try $0["input"].meanSquaredError($0["target"]) },
    "mse_none": { try $0["input"].meanSquaredError($0["target"], reduction: .none) },
    "mse_sum": { try $0["input"].meanSquaredError($0["target"], reduction: .sum) },
    "nll": { try $0["input"].negativeLogLikelihood($0["target"]) },
    "nll_none": { try $0["input"].negativeLogLikelihood($0["target"], reduction: .none) },
    "nll_weight_ignore": { try $0["input"].negativeLogLikelihood($0["target"], weight: $0["weight"]) },
    "smooth_l1": { try $0["input"].smoothL1($0["target"]) },
    "smooth_l1_beta": { try $0["input"].smoothL1($0["target"], beta: 0.5) },
    "triplet": { try $0["anchor"].tripletMarginLoss(positive: $0["positive"], negative: $0["negative"]) },
    "triplet_margin_none": {
      try $0["anchor"].tripletMarginLoss(
        positive: $0["positive"], negative: $0["negative"], margin: 0.2, reduction: .none)
    },
  ]

  /// Losses that the engine leaves out: probabilities come as logits, which do not overflow.
  static let absent: Set = ["binary_cross_entropy"]

  @Test("value and gradients", arguments: table.keys.sorted())
  func value(_ name: String) throws {
    let golden = try Golden("losses")[name]
    let loss = try #require(Self.table[name])
    try golden.track()
    try golden.check(try loss(golden))
  }

  @Test("every case of the golden file has its line")
  func complete() throws {
    #expect(try Golden("losses").cases == Set(Self.table.keys).union(Self.absent))
  }

  @Test("a class outside the logits is an index error that names it")
  func classOutOfRange() throws {
    let logits = try Tensor.zeros([2, 3])
    expectError(.index, "3") { try logits.crossEntropy(Tensor([0, 3])) }
  }
}
