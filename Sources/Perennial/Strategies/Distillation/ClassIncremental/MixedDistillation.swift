import Torch

/// Options of a method that mixes labels and its past self.
public protocol MixtureOptions: ExemplarOptions {
  /// λ; n / (n + m) when nil.
  var lambda: Double? { get }
  /// T
  var temperature: Double { get }
}

extension MixtureOptions {
  func validateMixture(at node: ConfigurationNode) throws {
    try validateExemplars(at: node)
    try node.require("lambda", lambda, in: 0...1)
    try node.require("temperature", temperature, above: 0)
  }
}

/// Labels and the past self share the loss, by how many of the classes are old (Wu et al. 2019, eq. 3; Zhao et al. 2020,
/// eq. 3):
///
///     L = (1 − λ) CE + λ KL(softmax(z_old / T) ‖ softmax(z / T)),   λ = n / (n + m) with n old and m new classes
public protocol MixedDistillation: ExemplarDistillation {
  associatedtype Options: MixtureOptions
  var options: Options { get }

  /// What the past self answered in use, given its outputs `[N, K]`: those themselves unless it corrected them.
  func answer(of outputs: Tensor) throws -> Tensor
}

extension MixedDistillation {
  public func answer(of outputs: Tensor) throws -> Tensor { outputs }

  private func lambda(_ learner: Learner) -> Double {
    guard teacher.teacher != nil else { return 0 }
    return options.lambda ?? Double(teacher.known) / Double(max(learner.model.head.outputs, 1))
  }

  public var replacesLoss: Bool { true }

  public func loss(_ step: Step) throws -> Tensor? {
    let lambda = lambda(step.learner)
    return lambda == 0 ? nil : try step.learner.loss(step.outputs, step.batch) * (1 - lambda)
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    let lambda = lambda(step.learner)
    guard lambda > 0, let past = try teacher.look(step.batch.inputs) else { return [] }
    let value = try step.batch.softTargets(
      student: step.outputs, teacher: answer(of: past.outputs), 0..<teacher.known,
      temperature: options.temperature)
    return [LossTerm(name, try value * lambda)]
  }
}
