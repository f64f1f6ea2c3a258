import Torch

/// What the terms of a distillation learn themselves, term by term: optimised and saved beside the student.
final class TermModules: Module {
  private var plans: [String: TermPlan] = [:]
  private var names: [String] = []
  /// Whether every term was asked.
  var isBuilt = false

  /// Whether nothing is learned.
  var isEmpty: Bool { names.isEmpty && child("balance")?.parameters.isEmpty ?? true }

  /// Takes what weighs the terms, if it learns anything.
  func keep(_ balance: Module) {
    if !balance.parameters.isEmpty { register("balance", balance) }
  }

  /// What the term was told; nil before it was built.
  func plan(of term: any DistillationTerm) -> TermPlan? { plans[term.name] }

  /// Prepares a term for an experience: in the first one it makes what it learns.
  ///
  /// - Parameter plans: one for each teacher that is heard by itself.
  /// - Throws: `DistillationError.shapes` for what it cannot compare, or for other shapes than what it learned was made for.
  func prepare(_ term: any DistillationTerm, _ plans: [TermPlan], _ random: RandomStreams) throws {
    guard let plan = plans.first else { return }
    if isBuilt { try term.renew(plan, random) } else { try build(term, plan, random) }
    for other in isBuilt ? plans : Array(plans.dropFirst()) {
      if child(term.name) != nil, let made = self.plans[term.name] {
        try other.requireShapes(of: made, term)
      } else {
        // What learns nothing may meet every teacher in other shapes, if it can compare them.
        _ = try term.build(other, random)
      }
    }
    self.plans[term.name] = plan
  }

  private func build(_ term: any DistillationTerm, _ plan: TermPlan, _ random: RandomStreams) throws {
    plans[term.name] = plan
    guard let module = try term.build(plan, random) else { return }
    names.append(term.name)
    register(term.name, module)
  }

  /// The plans, where terms were asked, and every value.
  func state() throws -> State {
    var state = State(tensors: try stateDictionary())
    state["plans"] = isBuilt ? plans : nil
    return state
  }

  /// Builds everything as it was saved.
  convenience init(
    _ state: State, _ terms: [any DistillationTerm], _ balance: Module, _ random: RandomStreams
  ) throws {
    self.init()
    keep(balance)
    if let saved: [String: TermPlan] = state["plans"] {
      for term in terms {
        guard let plan = saved[term.name] else { throw StateError.missing("the plan of \(term.name)") }
        try build(term, plan, random)
      }
      isBuilt = true
    }
    try load(state.tensors)
  }
}

extension TermPlan {
  /// Throws unless items have the shapes of another plan at all pairs of taps.
  func requireShapes(of other: TermPlan, _ term: any DistillationTerm) throws {
    for (pair, (now, before)) in zip(term.pairs, zip(shapes, other.shapes)) {
      guard now.student.dropFirst() == before.student.dropFirst(),
        now.teacher.dropFirst() == before.teacher.dropFirst()
      else {
        throw TapShapes(term: term.name, pair: pair, student: now.student, teacher: now.teacher).refused(
          "it was made for \(before.student) and \(before.teacher)")
      }
    }
  }
}
