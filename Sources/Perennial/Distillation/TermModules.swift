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

  /// Lets a term make what it learns.
  func build(_ term: any DistillationTerm, _ plan: TermPlan, _ random: RandomStreams) throws {
    plans[term.name] = plan
    guard let module = try term.build(plan, random) else { return }
    names.append(term.name)
    register(term.name, module)
  }

  /// Tells a term of a further experience, in which it compares what it compared before.
  ///
  /// - Throws: `DistillationError.shapes` where it does not.
  func renew(_ term: any DistillationTerm, _ plan: TermPlan, _ random: RandomStreams) throws {
    if let before = plans[term.name] { try plan.requireShapes(of: before, term) }
    plans[term.name] = plan
    try term.renew(plan, random)
  }

  /// The plans, and every value.
  func state() throws -> State {
    guard isBuilt else { return State() }
    var state = State(tensors: try stateDictionary())
    state["plans"] = plans
    return state
  }

  /// Builds everything as it was saved, with what weighs the terms.
  convenience init(
    _ state: State, _ terms: [any DistillationTerm], _ balance: Module, _ random: RandomStreams
  ) throws {
    self.init()
    keep(balance)
    guard let saved: [String: TermPlan] = state["plans"] else { return }
    for term in terms {
      guard let plan = saved[term.name] else { throw StateError.missing("the plan of \(term.name)") }
      try build(term, plan, random)
    }
    isBuilt = true
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
