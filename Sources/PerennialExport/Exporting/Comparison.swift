import Torch

/// How far the answers of an exported graph are from those of its model, and how good both are.
public struct ExportComparison: Equatable, Sendable {
  /// The shares of right answers.
  public struct Accuracies: Equatable, Sendable {
    public var model: Double
    public var graph: Double
  }

  /// Examples that were asked about: rows, or tokens of a language model.
  public private(set) var examples = 0
  /// The largest difference between two outputs, as a share of the largest output where that is above 1.
  public private(set) var largestDifference = 0.0
  /// The share of examples with the same largest output; nil where outputs are no choice.
  public private(set) var agreement: Double?
  /// The mean cosine of both answers; nil where outputs are a choice.
  public private(set) var similarity: Double?
  /// How often each is right; nil without targets.
  public private(set) var accuracy: Accuracies?

  /// Asks both about all batches.
  ///
  /// - Throws: ``ExportError`` where the graph cannot be run.
  public init(_ subject: ExportSubject, _ graph: Graph, on batches: [ExportSubject.Batch]) throws {
    let runner = try GraphRunner(graph)
    let output = subject.purpose.output
    var (same, cosines, judged, modelRight, graphRight) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for batch in batches {
      let own = try noGrad { try subject.answer(batch.inputs) }
      guard let other = try runner(batch.inputs)[output] else {
        throw ExportError.values("the graph has no output `\(output)`")
      }
      guard own.shape == other.shape else {
        throw ExportError.values("the graph answers with shape \(other.shape), the model with \(own.shape)")
      }
      let (a, b) = try Self.rows(own, other, batch.inputs[Graph.Name.mask])
      guard a.shape[0] > 0 else { continue }
      examples += a.shape[0]
      largestDifference = max(largestDifference, try Self.difference(a, b))
      switch subject.purpose {
      case .classes, .tokens:
        let (mine, others) = (try a.argmax(1), try b.argmax(1))
        same += try (mine .== others).to(.float32).sum().item()
        if let targets = batch.targets, targets.shape[0] == a.shape[0] {
          judged += Double(targets.shape[0])
          modelRight += try (mine .== targets).to(.float32).sum().item()
          graphRight += try (others .== targets).to(.float32).sum().item()
        }
      case .embeddings, .hidden: cosines += try a.cosineSimilarity(b).sum().item()
      }
    }
    let count = Double(max(examples, 1))
    switch subject.purpose {
    case .classes, .tokens: agreement = same / count
    case .embeddings, .hidden: similarity = cosines / count
    }
    if judged > 0 { accuracy = Accuracies(model: modelRight / judged, graph: graphRight / judged) }
  }

  /// Answers as rows `[rows, width]`; of texts, those at tokens.
  private static func rows(_ a: Tensor, _ b: Tensor, _ mask: Tensor?) throws -> (Tensor, Tensor) {
    guard a.rank == 3 else { return (a, b) }
    let (flatA, flatB) = (try a.flatten(from: 0, to: 1), try b.flatten(from: 0, to: 1))
    guard let mask else { return (flatA, flatB) }
    let places = try mask.flatten().nonzero().flatten()
    return (try flatA.indexSelect(places), try flatB.indexSelect(places))
  }

  /// Infinities of one sign do not differ; anything else that is not finite does, without bound.
  private static func difference(_ a: Tensor, _ b: Tensor) throws -> Double {
    let finite = try a.isFinite()
    guard try finite.equals(b.isFinite()), try a.maskedFill(finite, 0).equals(b.maskedFill(finite, 0)) else {
      return .infinity
    }
    let (x, y) = (try a.maskedFill(finite.logicalNot(), 0), try b.maskedFill(finite.logicalNot(), 0))
    let largest = try x.abs().flatten().amax([0]).item()
    return try (x - y).abs().flatten().amax([0]).item() / max(1, largest)
  }
}
