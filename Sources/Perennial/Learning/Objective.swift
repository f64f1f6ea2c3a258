import Torch

/// What a model is to do: the loss that it learns by and the score that it is judged by.
///
/// Strategies ask the objective for losses, so one that works on outputs works for every objective.
public protocol Objective: Sendable {
  /// Whether targets are class labels, which heads grow for.
  var isClassification: Bool { get }

  /// Whether outputs are scores of alternatives of which one is right, of classes or of tokens: their softmax is a
  /// distribution.
  var hasAlternatives: Bool { get }

  /// The loss of each item `[N]` for outputs `[N, K]`, in which units that do not take part are −∞.
  func losses(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor

  /// The mean loss; the same as the mean of `losses`, in as few operations as possible.
  func meanLoss(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor

  /// Whether the score is of what the model writes by itself, whatever else answers beside it.
  var isOfWriting: Bool { get }

  /// The prediction of tokens by which it learns, where it is one: its loss may be taken of some outputs at a time.
  var tokenPrediction: TokenPrediction? { get }

  /// How much the mean loss of these targets counts in that of a bigger batch.
  func weight(of targets: Tensor) throws -> Double

  /// What a score needs to know of some outputs `[N, K]`: sums that add up over batches.
  func sums(_ outputs: Tensor, _ targets: Tensor) throws -> [Double]

  /// The same for inputs of a model that is asked for more than its outputs: for what it writes, say.
  ///
  /// - Parameters:
  ///   - task: of all inputs, where it is told.
  ///   - outputs: what the model makes of the inputs.
  func sums(
    _ learner: Learner, _ inputs: Tensor, task: Int?, _ targets: Tensor, outputs: () throws -> Tensor
  ) throws -> [Double]

  /// How good outputs with these sums are, the higher the better: a number in [0, 1] where there is a scale for it.
  func score(of sums: [Double]) -> Double

  /// What the score is.
  var scoreKind: ScoreKind { get }

  /// Vectors v `[N, K]` with Fisher information F = Σᵥ (Jᵀ v)², J the outputs' Jacobian, over the model's own
  /// predictive distribution.
  func fisherRoots(_ outputs: Tensor) throws -> [Tensor]

  /// ∂ log p(target) / ∂ outputs, `[N, K]`.
  func scores(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor

  /// Targets drawn from the model's predictive distribution.
  func sample(_ outputs: Tensor, _ generator: Generator) throws -> Tensor

  /// How many outputs targets of this kind need beyond class labels; nil where classes decide.
  func outputs(for targets: Tensor) -> Int?
}

extension Objective {
  public func meanLoss(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor {
    try losses(outputs, targets).mean()
  }

  public var hasAlternatives: Bool { isClassification }

  public var scoreKind: ScoreKind { .accuracy }

  public var isOfWriting: Bool { false }
  public var tokenPrediction: TokenPrediction? { nil }

  public func sums(
    _ learner: Learner, _ inputs: Tensor, task: Int?, _ targets: Tensor, outputs: () throws -> Tensor
  ) throws -> [Double] { try sums(outputs(), targets) }

  /// The number of items.
  public func weight(of targets: Tensor) throws -> Double { Double(targets.shape[0]) }

  /// A share: how much of how much.
  public func score(of sums: [Double]) -> Double { sums[0] / max(sums[1], 1) }

  /// How good outputs `[N, K]` are.
  public func score(_ outputs: Tensor, _ targets: Tensor) throws -> Double {
    try score(of: sums(outputs, targets))
  }
}

/// What scores are.
public enum ScoreKind: String, Codable, Sendable {
  /// The share that is right.
  case accuracy
  /// The coefficient of determination R².
  case determination
  /// The geometric mean of the probabilities that tokens were given: 1 / perplexity.
  case tokenProbability = "token_probability"
  /// BLEU of what is written, as a share: 0.4 is what is printed as 40.
  case bleu
  /// chrF of what is written, as a share.
  case chrf
  /// ROUGE-L's F-measure of what is written.
  case rougeL = "rouge_l"
  /// The share of texts that are written as they should be, but for case, punctuation and articles.
  case exactMatch = "exact_match"
  /// F1 over the words of what is written.
  case wordF1 = "word_f1"
  /// The share of items whose own target is the nearest.
  case retrieval
}

extension ScoreKind {
  /// What a reader must know where scores stand for accuracies; nil where they are accuracies.
  var note: String? {
    switch self {
    case .accuracy: nil
    case .determination: "Accuracy is here the coefficient of determination R²."
    case .tokenProbability: "Accuracy is here the mean probability of a token, 1 / perplexity."
    case .retrieval: "Accuracy is here how often an item's own target is the nearest."
    case .bleu: "Accuracy is here BLEU, 0 to 100, of what the model writes."
    case .chrf: "Accuracy is here chrF, 0 to 100, of what the model writes."
    case .rougeL: "Accuracy is here ROUGE-L, the F-measure in percent, of what the model writes."
    case .exactMatch: "Accuracy is here how often the model writes what it should (exact match)."
    case .wordF1: "Accuracy is here F1 over words of what the model writes."
    }
  }
}

/// One class an example: softmax cross-entropy, in nats.
public struct Classification: Objective {
  /// The share of the target that is spread over all classes that take part (Szegedy et al. 2016).
  public let labelSmoothing: Double

  public init(labelSmoothing: Double = 0) { self.labelSmoothing = labelSmoothing }

  public var isClassification: Bool { true }

  public func losses(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor {
    let sharp = try outputs.crossEntropy(targets, reduction: .none)
    return labelSmoothing > 0 ? try sharp * (1 - labelSmoothing) + spread(outputs) * labelSmoothing : sharp
  }

  public func meanLoss(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor {
    labelSmoothing > 0 ? try losses(outputs, targets).mean() : try outputs.crossEntropy(targets)
  }

  /// The cross-entropy with the uniform distribution over the units that take part, `[N]`: over all of them it would
  /// be infinite where some are masked.
  private func spread(_ outputs: Tensor) throws -> Tensor {
    let takesPart = try outputs .> -Double.infinity
    let logp = try Tensor.choose(takesPart, outputs.logSoftmax(), outputs.zerosLike())
    return try -logp.sum([1]) / takesPart.to(.float32).sum([1])
  }

  /// How many items have the target as their largest output, and how many there are.
  public func sums(_ outputs: Tensor, _ targets: Tensor) throws -> [Double] {
    [try (outputs.argmax(1) .== targets).to(.float32).sum().item(), Double(targets.shape[0])]
  }

  /// √p_c (e_c − p) for each class c that takes part.
  public func fisherRoots(_ outputs: Tensor) throws -> [Tensor] {
    let p = try outputs.softmax()
    return try (0..<p.shape[1]).compactMap { unit in
      let own = try p.narrow(dim: 1, start: unit, count: 1)
      guard try own.any().item() != 0 else { return nil }
      let oneHot = try Tensor.zeros([1, p.shape[1]], device: p.device)
      try oneHot.narrow(dim: 1, start: unit, count: 1).fill(1)
      return try own.sqrt() * (oneHot - p)
    }
  }

  public func scores(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor {
    let p = try outputs.softmax()
    return try targets.oneHot(classes: p.shape[1]).to(.float32) - p
  }

  public func sample(_ outputs: Tensor, _ generator: Generator) throws -> Tensor {
    try outputs.softmax().multinomial(1, generator).squeeze(1)
  }

  public func outputs(for targets: Tensor) -> Int? { nil }
}

/// Any number of labels an example, targets `[N, K]` of 0 and 1: binary cross-entropy, mean over labels.
public struct MultiLabelClassification: Objective {
  public init() {}
  public var isClassification: Bool { false }

  public func losses(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor {
    try outputs.binaryCrossEntropy(targets.to(.float32), reduction: .none).mean([1])
  }

  /// How many labels are told right at probability ½, and how many there are.
  public func sums(_ outputs: Tensor, _ targets: Tensor) throws -> [Double] {
    [try ((outputs .> 0) .== (targets .> 0)).to(.float32).sum().item(), Double(targets.count)]
  }

  /// √(p_k (1 − p_k)) e_k for each label k.
  public func fisherRoots(_ outputs: Tensor) throws -> [Tensor] {
    let p = try outputs.sigmoid()
    return try unitColumns((p * (1 - p)).sqrt())
  }

  public func scores(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor {
    try targets.to(.float32) - outputs.sigmoid()
  }

  public func sample(_ outputs: Tensor, _ generator: Generator) throws -> Tensor {
    try outputs.sigmoid().bernoulli(generator)
  }

  public func outputs(for targets: Tensor) -> Int? { targets.shape.last }
}

/// Values `[N, K]`: squared error, mean over values.
public struct Regression: Objective {
  public init() {}
  public var isClassification: Bool { false }

  public func losses(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor {
    let targets = targets.rank == 1 ? try targets.unsqueeze(1) : targets
    return try outputs.meanSquaredError(targets.to(.float32), reduction: .none).mean([1])
  }

  public var scoreKind: ScoreKind { .determination }

  /// The number of items, then Σ(y − f)², Σy and Σy² of each value.
  public func sums(_ outputs: Tensor, _ targets: Tensor) throws -> [Double] {
    let y = try (targets.rank == 1 ? targets.unsqueeze(1) : targets).to(.float64)
    let residuals = try (y - outputs.to(.float64)).square().sum([0])
    return [Double(y.shape[0])]
      + (try [residuals, y.sum([0]), y.square().sum([0])].flatMap { try $0.array(of: Double.self) })
  }

  /// The coefficient of determination R² = 1 − Σ(y − f)² / Σ(y − ȳ)², mean over values; 0 for the mean itself.
  public func score(of sums: [Double]) -> Double {
    let (count, values) = (sums[0], (sums.count - 1) / 3)
    return (0..<values).reduce(0) { total, value in
      let (residual, sum, squares) = (sums[1 + value], sums[1 + values + value], sums[1 + 2 * values + value])
      return total + (1 - residual / max(squares - sum * sum / count, 1e-12)) / Double(values)
    }
  }

  /// e_k for each value k: the outputs are means of unit-variance Gaussians.
  public func fisherRoots(_ outputs: Tensor) throws -> [Tensor] { try unitColumns(outputs.onesLike()) }

  public func scores(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor {
    try (targets.rank == 1 ? targets.unsqueeze(1) : targets).to(.float32) - outputs
  }

  public func sample(_ outputs: Tensor, _ generator: Generator) throws -> Tensor {
    try outputs + Tensor.normal(outputs.shape, generator)
  }

  public func outputs(for targets: Tensor) -> Int? { targets.rank == 2 ? targets.shape[1] : 1 }
}

/// For each column, a tensor of zeros but for that column.
private func unitColumns(_ values: Tensor) throws -> [Tensor] {
  try (0..<values.shape[1]).map { column in
    let result = try values.zerosLike()
    try result.narrow(dim: 1, start: column, count: 1).copy(
      from: values.narrow(dim: 1, start: column, count: 1))
    return result
  }
}
