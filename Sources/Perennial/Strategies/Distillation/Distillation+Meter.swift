import Torch

/// What a part of the loss did to the student at one step.
public struct TermReading: Codable, Equatable, Sendable {
  /// The term; `labels` for the loss on labels.
  public let name: String
  /// Optimizer steps of the session before it was read.
  public let step: Int
  public let weight: Double
  /// Reduced, without the weight.
  public let value: Double
  /// The norm of the weighted part's gradient at the student's backbone: 0 for a part that teaches it nothing.
  public let gradient: Double
  /// The cosine of that gradient with the labels'; nil where one of them is 0.
  public let cosine: Double?
}

extension Distillation {
  /// The share of the session between two readings.
  private static let readings = 4

  /// Whether the step is one of those that are read. Parts are not: one of them says nothing of the others.
  func isRead(_ step: Step) -> Bool {
    !step.isPart && step.number % max(step.session.steps / Self.readings, 1) == 0
  }

  /// Reads what labels and terms each would do to the backbone by themselves: one backward pass for each.
  func read(_ step: Step, _ parts: [Contribution]) throws -> [TermReading] {
    guard !step.model.backbone.trainableParameters.isEmpty else { return [] }
    let hard = Contribution(
      name: "labels", value: try step.learner.loss(step),
      weight: isTeaching ? options.hard(step.progress) : 1)
    let all = [hard] + parts
    let measured = try all.map { part -> Tensor? in
      guard part.weight != 0, let own = try step.backboneGradient(of: part.value) else { return nil }
      return try noGrad { try own * part.weight }
    }
    return try noGrad {
      let norms = try measured.map { try $0?.norm().item() ?? 0 }
      return try all.indices.map { index in
        var cosine: Double?
        if index > 0, norms[0] > 0, norms[index] > 0, let labels = measured[0], let own = measured[index] {
          cosine = try (labels * own).sum().item() / (norms[0] * norms[index])
        }
        return TermReading(
          name: all[index].name, step: step.number, weight: all[index].weight,
          value: try all[index].value.item(),
          gradient: norms[index], cosine: cosine)
      }
    }
  }
}
