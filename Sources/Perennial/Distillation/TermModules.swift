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

  /// The plans, and every value.
  func state() throws -> State {
    guard isBuilt else { return State() }
    var state = State(tensors: try stateDictionary())
    state["plans"] = plans
    return state
  }

  /// Builds everything again and takes the values.
  func restore(_ state: State, _ terms: [any DistillationTerm], _ random: RandomStreams) throws {
    guard let saved: [String: TermPlan] = state["plans"] else { return }
    if !isBuilt {
      for term in terms {
        guard let plan = saved[term.name] else { throw StateError.missing("the plan of \(term.name)") }
        try build(term, plan, random)
      }
      isBuilt = true
    }
    try load(state.tensors)
  }
}
