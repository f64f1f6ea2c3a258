import Torch

/// Adapters of its own for each experience, on a backbone that never changes: nothing learned is ever touched again.
///
///     y = W x + b + s B_t A_t x,   t the task where it is told
///     t = experience of the class whose mean of W's own features is nearest by its angle   where it is not
///
/// A backbone that knows nothing yet can learn the first experience itself, and rests from then on (first-session adaptation;
/// Panos et al., First Session Adaptation, 2023).
///
/// Only the classes of t compete, in learning and in the answer. Where targets are no classes, as those of a language model,
/// an experience has one mean, and a text's features are the mean over its first tokens'. Forgetting on request is taking a set of
/// adapters away, or learning it again (``ShardedStrategy``).
public final class AdapterPerTask: Strategy {
  public static let card = StrategyCard(
    "lora-per-task", .adapters,
    summary: "Adapters of its own for each experience; class means tell which are asked.",
    formula: "y = W x + b + s B_t A_t x,  t told, or that of the nearest class mean of W's features",
    use: "A pretrained model that tells experiences apart; knowledge that may have to be deleted.",
    avoid: "Experiences that look alike and are not told.",
    cost: "Adapters and class means of each experience; two forward passes a question without a task.",
    paper: "common practice; Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, 2021"
  ) { AdapterPerTask($0) }

  /// What a recipe can choose.
  public struct Options: LowRankOptions {
    public var rank = 8
    public var alpha = 16.0
    public var dropout = 0.0
    public var targets: [String] = []
    public var variant = LowRankVariant.lora
    /// The first so many tokens of a row tell whose it is, where a model has outputs at every token. They are answered
    /// without adapters: what comes later is not known yet.
    public var route = 16
    /// The backbone learns the first experience itself, without adapters, and never changes afterwards.
    public var firstSession = false

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try validateAdapters(at: node)
      try node.require("route", route, atLeast: 1)
    }
  }

  public let name = "lora-per-task"
  public var seesBatch: Bool { false }
  public let options: Options
  private(set) var order = TaskOrder()
  /// The set of adapters that learns, or learned last.
  private var current = 0
  /// The units that each set of adapters learned, and the examples that it learned them from.
  var units: [[Int]] = []
  var seen: [[Int]] = []
  /// The set beside which each row of the head was learned: the first that has its unit.
  var owners: [Int: Int] = [:]
  /// The mean of the backbone's own features of each class `[C, D]`, at length 1, and the set that learned it.
  var means: Tensor?
  var sets: [Int] = []
  /// The rows of the head that other experiences learned.
  var held = HeldWeights()

  public init(_ options: Options = Options()) { self.options = options }

  public func check(_ facts: StreamFacts) throws {
    try facts.refuse(
      ["replay": "nothing learned is touched again", "joint": "each experience has adapters of its own"],
      beside: name)
  }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    let shelf = AdapterShelf(
      options.configuration, beside: try network.layers(for: options, name),
      dropoutMasks: try random.stream("dropout"))
    network.register(name, shelf)
    if !options.firstSession { network.restBackbone() }
  }

  /// Whether the backbone learns, and no adapter.
  private var isFirstSession: Bool { options.firstSession && order.count == 1 }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    let rows = experience.examples.targets
    if experience.task == nil, !learner.objective.isClassification, rows.rank > 1,
      learner.objective.hasAlternatives,
      rows.shape[1] <= options.route
    {
      throw StrategyError.model(
        name, "`route: \(options.route)` tokens choose the adapters, and rows have \(rows.shape[1]): lower it"
      )
    }
    current = order.admit(try number(of: experience, learner))
    let targets =
      try learner.objective.isClassification
      ? Set(learner.session?.examples.targets.integers() ?? []) : []
    while units.count < order.count { units.append([]) }
    while seen.count < order.count { seen.append([]) }
    units[current] = Set(units[current]).union(targets).sorted()
    let examples = try learner.session?.examples.identifiers.integers() ?? []
    seen[current] = Set(seen[current]).union(examples).sorted()
    for unit in targets where owners[unit] == nil { owners[unit] = current }
    if !isFirstSession { learner.model.restBackbone() }
    let learning = isFirstSession ? [] : [current]
    if try shelf(learner).grow(to: order.count, learning: learning, learner.random.stream("adapters")) {
      try learner.parametersChanged()
    }
    guard learner.objective.isClassification else { return }
    let previous = learner.session?.previousOutputs ?? 0
    try held.hold(
      learner.vector.headRows(others: previous > 0) { owners[$0] != current }, of: learner.vector)
  }

  /// Experiences that nobody numbers by task are counted. One that begins anew at a boundary goes on; another of a number
  /// that was learned, as after versions of a model were put together, is a further one.
  private func number(of experience: Experience, _ learner: Learner) throws -> Int {
    if let task = experience.task { return task }
    guard let place = order.place(of: experience.index), seen.indices.contains(place), !seen[place].isEmpty,
      learner.session?.boundary == 0
    else { return experience.index }
    return (order.tasks.max() ?? -1) + 1
  }

  public func transform(_ vector: ParameterVector, _ step: Step) throws { try held.zeroGradients(of: vector) }

  public func observe(_ step: Step) throws { try held.putBack(into: step.learner.vector) }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    try activate(isFirstSession ? nil : current, learner)
    return batch
  }

  public var replacesLoss: Bool { true }

  /// Among the units of the experience: what others learned is not theirs to push down.
  public func loss(_ step: Step) throws -> Tensor? {
    guard step.learner.objective.isClassification else { return nil }
    return try step.learner.loss(only(units[current], step.outputs), step.batch)
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    guard let session = learner.session else { return }
    let place = current
    let count = session.examples.count
    let features = try learner.asking(task: nil) {
      try activate(nil, learner)
      return try Tensor.concatenate(
        stride(from: 0, to: count, by: Self.chunk).map { start in
          let places = try Tensor.arange(start, min(start + Self.chunk, count))
          return try vectors(
            learner.model.features(learner.batch(of: session.examples, places, isAugmented: false).inputs))
        })
    }
    let targets = try learner.objective.isClassification ? session.examples.targets.integers() : []
    if isFirstSession {
      // What was told of a backbone that has learned since is not true of this one.
      (means, sets) = (nil, [])
      try shelf(learner).renew([0], learner.random.stream("adapters"))
      try shelf(learner).grow(to: 1, learning: [], learner.random.stream("adapters"))
    }
    let rows = try noGrad {
      guard learner.objective.isClassification else { return [try features.mean([0])] }
      return try units[place].compactMap { unit in
        let members = targets.indices.filter { targets[$0] == unit }
        return members.isEmpty
          ? nil : try features.indexSelect(Tensor(members).to(learner.device)).mean([0])
      }
    }
    guard !rows.isEmpty else { return }
    let new = try Tensor.stack(rows).unitRows()
    means = try means.map { try Tensor.concatenate([$0, new]) } ?? new
    sets += rows.map { _ in place }
  }

  public func select(task: Int?, _ learner: Learner) throws {
    try activate(order.place(of: task), learner)
  }

  public var answersBeyondModel: Bool { true }

  public func answer(_ question: Question, _ learner: Learner) throws -> Tensor? {
    let isClassification = learner.objective.isClassification
    if let place = order.place(of: question.task) {
      return isClassification ? try only(units[place], question.outputs) : nil
    }
    guard let means else { return nil }
    // No adapter was active: these are the backbone's own features.
    let nearest = try vectors(question.features).unitRows().matmul(means.T).argmax(1).integers().map {
      sets[$0]
    }
    var rows: [Tensor] = []
    var order: [Int] = []
    for place in Set(nearest).sorted() {
      let members = nearest.indices.filter { nearest[$0] == place }
      let inputs = try question.inputs.indexSelect(Tensor(members).to(question.inputs.device))
      try activate(place, learner)
      let outputs = try learner.model(inputs)
      rows.append(
        isClassification
          ? try only(units[place], outputs) : try routed(outputs, of: question, Tensor(members)))
      order += members
    }
    try activate(nil, learner)
    return try Tensor.concatenate(rows).indexSelect(Tensor(order).argsort().to(learner.device))
  }

  /// What an adapter says of texts, behind the tokens that chose it: those were read before it was known.
  private func routed(_ outputs: Tensor, of question: Question, _ members: Tensor) throws -> Tensor {
    guard outputs.rank == 3, options.route < outputs.shape[1] else {
      return outputs.rank == 3 ? try question.outputs.indexSelect(members.to(outputs.device)) : outputs
    }
    let front = try question.outputs.indexSelect(members.to(outputs.device)).narrow(
      dim: 1, start: 0, count: options.route)
    let rest = try outputs.narrow(
      dim: 1, start: options.route, count: outputs.shape[1] - options.route)
    return try Tensor.concatenate([front, rest], dim: 1)
  }

  /// Outputs `[N, K]` of these units, −∞ of others.
  private func only(_ units: [Int], _ outputs: Tensor) throws -> Tensor {
    let own = Set(units)
    let others = try Tensor((0..<outputs.shape[1]).map { !own.contains($0) }).to(outputs.device)
    return try outputs.maskedFill(others, -Double.infinity)
  }

  private func activate(_ place: Int?, _ learner: Learner) throws {
    try shelf(learner).activate { $0 == place }
  }

  /// So many items are asked about at once.
  private static let chunk = 256

  /// One vector an item `[N, D]`: where each token has one, the mean over those that decide.
  private func vectors(_ features: Tensor) throws -> Tensor {
    guard features.rank == 3 else { return features }
    return try features.narrow(dim: 1, start: 0, count: min(options.route, features.shape[1])).mean([1])
  }

  func shelf(_ learner: Learner) throws -> AdapterShelf { try learner.model.attached(name) }

  public func state() throws -> State {
    var state = State()
    state["tasks"] = order
    state["units"] = units
    state["sets"] = sets
    state["current"] = current
    state["owners"] = owners
    for (place, examples) in seen.enumerated() { state.tensors["examples/\(place)"] = try Tensor(examples) }
    if let means { state.tensors["means"] = try means.clone() }
    state.set(try held.state(), under: "held")
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    (order, units) = (try state.require("tasks"), try state.require("units"))
    sets = try state.require("sets")
    // States of before examples were noted have one set after the other.
    current = state["current"] ?? max(order.count - 1, 0)
    owners =
      state["owners"]
      ?? units.enumerated().reduce(into: [:]) { owners, part in
        for unit in part.element where owners[unit] == nil { owners[unit] = part.offset }
      }
    seen = try (0..<order.count).map { try state.tensors["examples/\($0)"]?.integers() ?? [] }
    means = try state.tensors["means"]?.to(learner.device)
    held = try HeldWeights(state.scoped("held"), device: learner.device)
  }
}
