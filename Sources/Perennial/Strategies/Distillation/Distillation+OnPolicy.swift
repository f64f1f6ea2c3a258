import Torch

/// Options of on-policy distillation: how often the student is taught on what it writes itself.
public struct OnPolicyOptions: Configurable {
  /// λ: the share of steps on the student's own texts.
  public var share = 0.5
  /// Tokens of a row that stay as they are, at least; the student writes the rest. For a source all of the target is written.
  public var prompt = 16
  /// Of the student's draws; 1 as published.
  public var temperature = 1.0

  public init() {}

  public func validate(at node: ConfigurationNode) throws {
    try node.require("share", share, in: 0...1)
    try node.require("prompt", prompt, atLeast: 1)
    try node.require("temperature", temperature, above: 0)
  }
}

// On-policy distillation, GKD (Agarwal et al. 2024): with probability λ the student writes the texts of a step, and the
// teacher scores each of its tokens. Nothing is learned through the draws. With the reverse divergence and λ = 1 the student
// learns where its own texts go wrong, as in MiniLLM (Gu et al. 2024), whose policy gradient this leaves out.
extension Distillation {
  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    isOnPolicy = false
    guard let options = options.onPolicy, isTeaching, options.share > 0 else { return batch }
    var numbers = learner.random.numbers("on-policy")
    guard options.share >= 1 || Double.random(in: 0..<1, using: &numbers) < options.share else {
      return batch
    }
    isOnPolicy = true
    var own = batch
    let writer = try learner.model.writer(for: name)
    // What a strategy put beside the model is in evaluation mode too.
    (own.inputs, own.targets) = try learner.model.evaluating {
      try writer.rewritten(
        batch.inputs, batch.targets,
        as: WrittenRows(prompt: options.prompt, temperature: options.temperature),
        learner.random.stream("on-policy"))
    }
    return own
  }

  func checkOnPolicy(_ facts: StreamFacts) throws {
    guard options.onPolicy != nil else { return }
    guard facts.classes == nil else {
      throw StrategyError.model(
        "\(name) with `on_policy`",
        "students write texts: use a model that writes, and `objective: tokens` or `writing`")
    }
    if options.teacher.isNamed(CachedTeacher.name) {
      throw DistillationError.teacher(
        options.teacherNames.joined(),
        "its kept answers are for the data, not for what the student writes: name the teacher itself")
    }
  }
}
