import Torch

/// One backbone a task, side by side: apart, or with cross-stitch units between their layers.
///
/// A batch goes through the column of its task; a batch of several tasks is taken apart and put together again. Without a
/// task the newest column answers.
final class TaskColumns: Module, Backbone {
  let featureCount: Int
  private(set) var columns: [any Backbone] = []
  /// For each task the shares α of all columns, `[columns]`, layer by layer.
  private(set) var stitches: [[Parameter]] = []
  /// The share of a task's own column at the start; nil keeps columns apart.
  let ownShare: Double?
  /// The task of the next batch, or of each of its items.
  var task: Int?
  var tasks: Tensor?
  private let make: () throws -> any Backbone

  init(_ first: any Backbone, ownShare: Double?, make: @escaping () throws -> any Backbone) throws {
    featureCount = first.featureCount
    self.ownShare = ownShare
    self.make = make
    super.init()
    try add(first)
  }

  /// Adds columns, each a copy of the one before.
  func grow(to count: Int) throws {
    while columns.count < count {
      let next = try make()
      if let last = columns.last { try next.load(last.stateDictionary()) }
      try add(next)
    }
  }

  private func add(_ column: any Backbone) throws {
    let place = columns.count
    columns.append(column)
    register("columns.\(place)", column)
    guard let ownShare else { return }
    // Earlier tasks do not see later columns.
    try noGrad {
      for parameter in stitches.joined() {
        parameter.replace(
          with: try Tensor.concatenate([
            parameter.value.detach(), Tensor.zeros([1], device: parameter.value.device),
          ]))
      }
    }
    let others = place > 0 ? (1 - ownShare) / Double(place) : 0
    let shares = (0...place).map { Float($0 < place ? others : place > 0 ? ownShare : 1) }
    let own = try column.stages.map { _ in Parameter(try Tensor(shares)) }
    stitches.append(own)
    for (layer, parameter) in own.enumerated() { register("stitches.\(place).\(layer)", parameter) }
  }

  override func fit(_ shapes: [String: [Int]]) throws {
    let places = shapes.keys.compactMap { path -> Int? in
      let parts = path.split(separator: ".")
      return parts.first == "columns" && parts.count > 1 ? Int(parts[1]) : nil
    }
    try grow(to: (places.max() ?? 0) + 1)
  }

  /// Lets the parts of some tasks learn, and the others rest.
  func learnOnly(_ chosen: (Int) -> Bool) {
    freeze { path in
      let parts = path.split(separator: ".")
      guard parts.count > 1, let place = Int(parts[1]) else { return false }
      return !chosen(place)
    }
  }

  func callAsFunction(_ input: Tensor) throws -> Tensor {
    guard let tasks else { return try features(input, min(task ?? columns.count - 1, columns.count - 1)) }
    guard tasks.count == input.shape[0] else {
      throw TorchError(.shape, "\(input.shape[0]) items have \(tasks.count) tasks")
    }
    let present = Set(try tasks.integers()).sorted()
    let places = try present.map { try (tasks .== $0).nonzero().flatten() }
    let parts = try zip(present, places).map { task, places in
      try features(input.indexSelect(places.to(input.device)), task)
    }
    let order = try Tensor.concatenate(places).argsort()
    return try Tensor.concatenate(parts).indexSelect(order.to(input.device))
  }

  private func features(_ input: Tensor, _ task: Int) throws -> Tensor {
    guard ownShare != nil, columns.count > 1 else { return try columns[task](input) }
    let isFlat = columns[0].stages.first?.weight?.value.rank == 2
    let start = isFlat && input.rank > 2 ? try input.flatten(from: 1) : input
    var states = columns.map { _ in start }
    for layer in columns[0].stages.indices {
      let outputs = try zip(columns, states).map { try $0.stages[layer]($1) }
      let isLast = layer == columns[0].stages.count - 1
      states = try columns.indices.map { place in
        guard !isLast || place == task else { return outputs[place] }
        return try mixed(outputs, stitches[place][layer].value)
      }
    }
    return states[task]
  }

  private func mixed(_ outputs: [Tensor], _ shares: Tensor) throws -> Tensor {
    try outputs.indices.dropFirst().reduce(outputs[0] * shares[0]) { try $0 + outputs[$1] * shares[$1] }
  }
}

extension TaskColumns {
  /// A network with columns in place of another's backbone; the head stays.
  static func rebuilt(
    _ network: Network, ownShare: Double?, fresh: @escaping (RandomStreams) throws -> Network
  ) throws -> Network {
    let columns = try TaskColumns(network.backbone, ownShare: ownShare) {
      try fresh(RandomStreams(seed: 0)).backbone
    }
    return Network(columns, head: network.head, headName: network.headName)
  }

  /// Makes room for all tasks known; where the session is of one task, the others rest.
  static func prepare(_ learner: Learner) throws {
    guard let columns = learner.model.backbone as? TaskColumns else { return }
    try columns.grow(to: (learner.classes.tasks.keys.max() ?? 0) + 1)
    let own = learner.session?.task
    columns.learnOnly { own == nil || $0 == own }
    try learner.parametersChanged()
  }

  static func select(_ task: Int?, _ tasks: Tensor?, _ learner: Learner) {
    guard let columns = learner.model.backbone as? TaskColumns else { return }
    (columns.task, columns.tasks) = (task, task == nil ? tasks : nil)
  }

  /// Refuses streams without tasks, and an order in which fresh weights or further items come too late.
  static func check(_ facts: StreamFacts, _ name: String) throws {
    try facts.requireTasks(name)
    try facts.requireOneTaskAtATime(name, besides: ["joint", "cumulative", "replay"])
    let own = facts.strategies.firstIndex(of: name) ?? facts.strategies.count
    for other in facts.strategies[own...] where ["joint", "replay"].contains(other) {
      throw StrategyError.cannotCombine(name, other, "in this order; name \(other) first")
    }
  }
}
