import Foundation
import Torch

/// Keeps terms of different scales from drowning each other out.
final class TermBalance: Module {
  /// How the weights of a distillation's terms are found.
  enum Kind: String, Codable, CaseIterable, Sendable {
    /// As the recipe has them.
    case fixed
    /// A term of weight w pulls at the backbone w times as hard as the labels do: w ‖g_labels‖ / ‖g_term‖, measured
    /// every 10 steps and smoothed, after GradNorm (Chen et al. 2018) with equal rates.
    case gradient
    /// w exp(−s) L + ½ s with s learned for each term (Kendall, Gal & Cipolla 2018).
    case uncertainty
  }

  private static let every = 10
  private static let inertia = 0.9

  private let kind: Kind
  private let names: [String]
  private var factors: [String: Double] = [:]
  private var logVariances: Parameter?

  init(_ kind: Kind, terms: [String]) throws {
    (self.kind, names) = (kind, terms)
    super.init()
    guard kind == .uncertainty else { return }
    let values = Parameter(try Tensor.zeros([terms.count]))
    logVariances = values
    register("log_variances", values)
  }

  /// The parts of the loss as they count now.
  func callAsFunction(_ parts: [Distillation.Contribution], _ step: Step) throws -> [Distillation.Contribution] {
    switch kind {
    case .fixed: return parts
    case .uncertainty: return try parts.map(learned)
    case .gradient:
      if step.number % Self.every == 0 || parts.contains(where: { factors[$0.name] == nil }) {
        try measure(parts, step)
      }
      return parts.map { part in
        var part = part
        part.weight *= factors[part.name] ?? 1
        return part
      }
    }
  }

  private func learned(_ part: Distillation.Contribution) throws -> Distillation.Contribution {
    guard let index = names.firstIndex(of: part.name), let s = try logVariances?.value[index] else { return part }
    var part = part
    part.value = try (-s).exp() * part.value + s * (0.5 / part.weight)
    return part
  }

  private func measure(_ parts: [Distillation.Contribution], _ step: Step) throws {
    let places = step.model.backbone.trainableParameters.map(\.parameter.value)
    func norm(_ value: Tensor) throws -> Double {
      guard try value.requiresGrad, !places.isEmpty else { return 0 }
      let own = try gradients(of: value, withRespectTo: places, retainGraph: true, allowUnused: true)
      return try noGrad { try Tensor.concatenate(own.map { try $0.flatten() }).norm().item() }
    }
    let labels = try norm(step.learner.loss(step.outputs, step.batch))
    for part in parts {
      let own = try norm(part.value)
      guard own > 0, labels > 0 else { continue }
      let now = labels / own
      factors[part.name] = factors[part.name].map { Self.inertia * $0 + (1 - Self.inertia) * now } ?? now
    }
  }

  /// The factors; what is learned is part of the module's own values.
  func state() -> State {
    var state = State()
    state["factors"] = factors
    return state
  }

  func restore(_ state: State) throws { factors = try state.require("factors") }
}
