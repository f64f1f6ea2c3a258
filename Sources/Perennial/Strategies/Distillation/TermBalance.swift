import Foundation
import Torch

/// Keeps terms of different scales from drowning each other out.
final class TermBalance: Module {
  private static let every = 10
  private static let inertia = 0.9
  private static let labels = "labels"
  /// The share of the labels' gradient below which a term is not heard at all.
  private static let silence = 1e-4

  private let kind: Distillation.Balance
  private let names: [String]
  /// Averages of ‖g‖, of the labels and of each term.
  private var norms: [String: Double] = [:]
  private var logVariances: Parameter?

  init(_ kind: Distillation.Balance, terms: [String]) throws {
    (self.kind, names) = (kind, terms)
    super.init()
    guard kind == .uncertainty else { return }
    let values = Parameter(try Tensor.zeros([terms.count]))
    logVariances = values
    register("log_variances", values)
  }

  /// The parts of the loss as they count now.
  func callAsFunction(_ parts: [Distillation.Contribution], _ step: Step) throws -> [Distillation
    .Contribution]
  {
    switch kind {
    case .fixed: return parts
    case .uncertainty: return try parts.map(learned)
    case .gradient:
      if step.number % Self.every == 0 || parts.contains(where: { norms[$0.name] == nil }) {
        try measure(parts, step)
      }
      return parts.map { part in
        var part = part
        part.weight *= factor(part.name)
        return part
      }
    }
  }

  private func factor(_ name: String) -> Double {
    guard let own = norms[name], let labels = norms[Self.labels], own > Self.silence * labels, labels > 0
    else {
      return 1
    }
    return labels / own
  }

  func learned(_ part: Distillation.Contribution) throws -> Distillation.Contribution {
    guard let index = names.firstIndex(of: part.name), let s = try logVariances?.value[index] else {
      return part
    }
    guard try part.value.item() >= 0 else { throw DistillationError.negative(term: part.name) }
    var part = part
    part.value = try (-s).exp() * part.value + s * (0.5 / part.weight)
    return part
  }

  private func measure(_ parts: [Distillation.Contribution], _ step: Step) throws {
    func norm(_ value: Tensor) throws -> Double { try step.backboneGradient(of: value)?.norm().item() ?? 0 }
    let labels = try norm(step.learner.loss(step))
    for (name, now) in try [(Self.labels, labels)] + parts.map({ ($0.name, try norm($0.value)) }) {
      norms[name] = norms[name].map { Self.inertia * $0 + (1 - Self.inertia) * now } ?? now
    }
  }

  /// The averages; what is learned is part of the module's own values.
  func state() -> State {
    var state = State()
    state["norms"] = norms
    return state
  }

  func restore(_ state: State) throws { norms = try state.require("norms") }
}
