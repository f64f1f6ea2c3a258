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
    /// As one, with their outputs side by side: for teachers of different classes, all of weight 1 (knowledge
    /// amalgamation).
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
    let common = try choices.map { choice in
      guard try learner.teacher(choice.name).data == nil else {
        throw DistillationError.teacher(
          choice.name,
          "it has data of its own and takes other inputs: `teacher: {paired: {teacher: \(choice.name)}}`")
      }
      return try units(of: choice.name, learner).filter { $0 >= 0 }
    }
    // One of several may be for classes that are still to come.
    guard common.contains(where: { !$0.isEmpty }) else {
      throw DistillationError.noCommonClasses(teacher: choices.map(\.name).joined(separator: ", "))
    }
    try checkMerge(common)
  }

  public func signals(_ batch: Batch, taps: [String], _ learner: Learner) throws -> [TeacherSignal] {
    if isMerged, let tap = taps.first {
      throw DistillationError.teacher(
        choices.map(\.name).joined(separator: ", "),
        "are heard as one, which has no tap `\(tap)`: use `merge: separate`, or terms between outputs")
    }
    let said = try choices.map { choice in
      try signal(choice, look(choice.name, batch.inputs, taps, learner), learner)
    }
    guard isMerged else { return said }
    return [try noGrad { try merge == .average ? average(said) : concatenation(said) }]
  }

  public func signalsInPieces(_ batch: Batch, _ learner: Learner) throws -> [TeacherSignal] {
    let networks = try choices.map { try learner.teacher($0.name).network }
    // Outputs that are put side by side can only be told apart once they are there.
    guard !isMerged || merge == .average, networks.allSatisfy({ $0 != nil }) else {
      return try signals(batch, taps: [], learner)
    }
    let said = try zip(choices, networks.compactMap(\.self)).map { choice, network in
      try signal(choice, network.look(batch.inputs, inPieces: true), learner)
    }
    return isMerged ? [try noGrad { try average(said) }] : said
  }

  private func signal(_ choice: Choice, _ look: Look, _ learner: Learner) throws -> TeacherSignal {
    var look = look
    if choice.temperature != 1 {
      look.outputs = try noGrad { try look.outputs / choice.temperature }
      look.pieces = try look.pieces?.asTeacher(dividedBy: choice.temperature)
    }
    return TeacherSignal(choice.name, look, units: try units(of: choice.name, learner), weight: choice.weight)
  }

  private var isMerged: Bool { choices.count > 1 && merge != .separate }

  private func look(_ name: String, _ inputs: Tensor, _ taps: [String], _ learner: Learner) throws -> Look {
    do {
      return try learner.teacher(name).look(inputs, taps: taps)
    } catch let error as TapError {
      throw DistillationError.teacher(name, "\(error)")
    }
  }

  private func units(of name: String, _ learner: Learner) throws -> [Int] {
    try learner.teacher(name).units(for: learner, name: name)
  }

  /// - Parameter units: those that each teacher and the student both answer for.
  private func checkMerge(_ units: [[Int]]) throws {
    guard isMerged else { return }
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
        guard choice.weight == 1 else {
          throw DistillationError.teacher(
            choice.name, "has a weight, and outputs that are put side by side cannot be weighed")
        }
        seen.formUnion(own)
      }
    case .separate: break
    }
  }

  /// Over the classes that the student knows, in the first one's order.
  private func average(_ said: [TeacherSignal]) throws -> TeacherSignal {
    let units = said[0].units.filter { $0 >= 0 }
    let mixture = try TeacherMixture(said, units)
    let pieces = said.map { $0.look.pieces ?? .init(whole: $0.look.outputs) }
    guard said.contains(where: { $0.look.pieces != nil }) else {
      return joined(said, try mixture(said.map(\.look.outputs)), units)
    }
    var one = joined(said, said[0].look.outputs, units)
    one.look.pieces = mixture(pieces)
    return one
  }

  private func concatenation(_ said: [TeacherSignal]) throws -> TeacherSignal {
    joined(said, try Tensor.concatenate(said.map(\.look.outputs), dim: -1), said.flatMap(\.units))
  }

  /// Features of several teachers cannot be one: the outputs stand for them.
  private func joined(_ said: [TeacherSignal], _ outputs: Tensor, _ units: [Int]) -> TeacherSignal {
    TeacherSignal(
      said.map(\.name).joined(separator: "+"), Look(features: outputs, outputs: outputs), units: units)
  }
}
