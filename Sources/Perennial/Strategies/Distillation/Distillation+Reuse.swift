import Torch

extension Distillation {
  /// The name that stands for the classifier, whatever its path.
  static let headName = "head"

  /// Puts the teacher's modules in the place of the student's own: once, and the classifier's rows when their classes
  /// arrive.
  ///
  /// - Throws: `DistillationError.teacher` for what does not fit.
  func takeOver(_ learner: Learner) throws {
    guard let name = options.teacherNames.first, !options.reuse.isEmpty else { return }
    guard let network = try learner.teacher(name).network else {
      throw DistillationError.teacher(name, "it is a program, and none of its modules can be taken over")
    }
    for path in options.reuse {
      if path == Self.headName {
        try takeHead(of: network, name, learner)
      } else if !hasTakenOver {
        try take(path, of: network, name, learner.model)
      }
    }
    hasTakenOver = true
    guard !options.reuseLearns else { return }
    let model = learner.model
    let prefixes = options.reuse.map { ($0 == Self.headName ? model.headName : $0) + "." }
    let resting = model.frozenPaths
    model.freeze { path in resting.contains(path) || prefixes.contains { path.hasPrefix($0) } }
    try learner.parametersChanged()
  }

  private func take(_ path: String, of teacher: Frozen, _ name: String, _ model: Network) throws {
    let theirs = teacher.parameters.filter { $0.key.hasPrefix(path + ".") }
    let own = model.parameters.filter { $0.path.hasPrefix(path + ".") }
    guard !own.isEmpty, Set(own.map(\.path)) == Set(theirs.keys) else {
      throw DistillationError.teacher(
        name, "`\(path)` is not a module that it and the student both have, with the same parts")
    }
    for (path, parameter) in own {
      guard let value = theirs[path], value.shape == parameter.value.shape else {
        throw DistillationError.teacher(
          name,
          "its `\(path)` is \(theirs[path]?.shape ?? []), and the student's \(parameter.value.shape): only what has "
            + "the same shape is taken over")
      }
      try noGrad { try parameter.value.copy(from: value) }
    }
  }

  /// The rows of the classes that are new, in the student's order.
  private func takeHead(of teacher: Frozen, _ name: String, _ learner: Learner) throws {
    let units = try learner.teacher(name).units(for: learner, name: name)
    let rows =
      hasTakenOver
      ? (learner.session?.previousOutputs ?? 0)..<learner.model.head.outputs
      : 0..<learner.model.head.outputs
    guard let head = learner.model.head as? LinearHead,
      let weight = teacher.parameters["\(teacher.headName).weight"],
      let bias = teacher.parameters["\(teacher.headName).bias"], weight.rank == 2
    else { throw DistillationError.teacher(name, "classifiers are taken over where both are linear") }
    guard weight.shape[1] == head.weight.value.shape[1] else {
      throw DistillationError.teacher(
        name,
        "its classifier takes \(weight.shape[1]) features, and the student gives \(head.weight.value.shape[1])"
      )
    }
    for unit in rows {
      guard let column = units.firstIndex(of: unit) else {
        guard options.reuseLearns else {
          throw DistillationError.teacher(
            name,
            "its classifier does not know all classes of the student's, which would rest: set `reuse_learns: true`"
          )
        }
        continue
      }
      try noGrad {
        try head.weight.value[unit].copy(from: weight[column])
        try head.bias.value[unit].copy(from: bias[column])
      }
    }
  }
}
