import Torch

/// Models that knew something before: one, or several.
public final class NamedTeachers: TeacherSource {
  /// One of them.
  public struct Choice: Sendable {
    public let name: String
    /// How much it counts.
    public var weight: Double
    /// Divides its outputs before anything else: above 1 for a teacher that is too sure of itself.
    public var temperature: Double

    public init(_ name: String, weight: Double = 1, temperature: Double = 1) {
      (self.name, self.weight, self.temperature) = (name, weight, temperature)
    }
  }

  /// How several are heard.
  public enum Merge: String, Codable, CaseIterable, Sendable {
    /// Each by itself: the loss is the weighted sum of what the student owes to each.
    case separate
    /// As one, with the weighted mean of their probabilities; they must know the same classes.
    case average
    /// As one, with their outputs side by side: for teachers of different classes (knowledge amalgamation).
    case concatenate
  }

  private let choices: [Choice]
  private let merge: Merge

  public init(_ choices: [Choice], merge: Merge = .separate) {
    self.choices = choices
    self.merge = merge
  }

  public var teacherNames: [String] { choices.map(\.name) }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    for choice in choices {
      guard try learner.teacher(choice.name).data == nil else {
        throw DistillationError.teacher(
          choice.name, "it has data of its own and takes other inputs: `teacher: {paired: {teacher: \(choice.name)}}`")
      }
      let units = try units(of: choice.name, learner)
      guard units.contains(where: { $0 >= 0 }) else {
        throw DistillationError.noCommonClasses(teacher: choice.name)
      }
    }
    try checkMerge(learner)
  }

  public func signals(_ batch: Batch, taps: [String], _ learner: Learner) throws -> [TeacherSignal] {
    let said = try choices.map { choice in
      var look = try learner.teacher(choice.name).look(batch.inputs, taps: taps)
      if choice.temperature != 1 { look.outputs = try noGrad { try look.outputs / choice.temperature } }
      return TeacherSignal(
        choice.name, look, units: try units(of: choice.name, learner), weight: choice.weight)
    }
    guard said.count > 1, merge != .separate else { return said }
    return [try noGrad { try merge == .average ? average(said) : concatenation(said) }]
  }

  private func units(of name: String, _ learner: Learner) throws -> [Int] {
    try learner.teacher(name).units(in: learner)
  }

  private func checkMerge(_ learner: Learner) throws {
    guard choices.count > 1, merge != .separate else { return }
    let units = try choices.map { try self.units(of: $0.name, learner).filter { $0 >= 0 } }
    switch merge {
    case .average:
      for (choice, own) in zip(choices, units).dropFirst() where Set(own) != Set(units[0]) {
        throw DistillationError.teacher(
          choice.name,
          "does not know the classes of \(choices[0].name), and only teachers of the same are averaged")
      }
    case .concatenate:
      var seen: Set<Int> = []
      for (choice, own) in zip(choices, units) {
        guard seen.isDisjoint(with: own) else {
          throw DistillationError.teacher(
            choice.name,
            "knows classes of another teacher, and only teachers of different ones are put side by side")
        }
        seen.formUnion(own)
      }
    case .separate: break
    }
  }

  /// log Σ_k w_k softmax(z_k) / Σ_k w_k, in the first one's order of units.
  private func average(_ said: [TeacherSignal]) throws -> TeacherSignal {
    var first = said[0]
    let total = said.reduce(0) { $0 + $1.weight }
    var sum = try first.look.outputs.softmax() * (first.weight / total)
    for other in said.dropFirst() {
      let order = try first.units.map { unit in
        guard let place = other.units.firstIndex(of: unit) else {
          throw DistillationError.teacher(other.name, "has no output for unit \(unit)")
        }
        return place
      }
      let probabilities = try other.look.outputs.indexSelect(Tensor(order).to(sum.device), dim: 1).softmax()
      sum = try sum + probabilities * (other.weight / total)
    }
    first.look.outputs = try sum.clamp(min: 1e-30).log()
    first.weight = 1
    return first
  }

  private func concatenation(_ said: [TeacherSignal]) throws -> TeacherSignal {
    var look = said[0].look
    look.outputs = try Tensor.concatenate(said.map(\.look.outputs), dim: 1)
    return TeacherSignal(said.map(\.name).joined(separator: "+"), look, units: said.flatMap(\.units))
  }
}
