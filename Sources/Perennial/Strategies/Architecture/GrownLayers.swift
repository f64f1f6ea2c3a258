import Torch

/// What one layer does for a task: the weights that a task made, by themselves or with the adapter of a later task.
public struct LayerOperator: Hashable, Sendable {
  /// The place of the task that made the weights, 0 for the first.
  public let weights: Int
  /// The place of the task that put an adapter beside them.
  public var adapter: Int?
}

/// The layers of one architecture, each with the weights and adapters of several tasks, and for every task the choice among
/// them: the backbone of ``LearnToGrow``.
public final class GrownLayers: Module, Backbone {
  /// The options of every layer with a score each, while the structure of a task is looked for.
  struct Search {
    let options: [[LayerOperator]]
    /// α `[options]` of each layer.
    let scores: [Parameter]
  }

  public let featureCount: Int
  /// The place of the task that is answered for; the newest when nil.
  public var selected: Int?
  var search: Search?
  let layers: [GrownLayer]
  private let random: RandomStreams
  private let fresh: () throws -> any Backbone
  /// Weights and adapter of each task in each layer, int64 `[tasks, layers, 2]`; −1 where there is no adapter.
  private let choices: Parameter

  init(
    _ first: any Backbone, adapter rank: Int, _ random: RandomStreams,
    fresh: @escaping () throws -> any Backbone
  ) throws {
    guard let last = first.stages.last, first.stages.allSatisfy({ $0.parts != nil && $0.weight != nil }),
      last.width == first.featureCount
    else {
      throw StrategyError.model(
        "learn-to-grow", "needs layers that it can put others beside: use `mlp`, `small-cnn` or `lenet`")
    }
    (featureCount, self.random, self.fresh) = (first.featureCount, random, fresh)
    layers = try first.stages.map { try GrownLayer($0, rank: rank) }
    choices = Parameter(
      try Tensor(layers.flatMap { _ in [0, -1] }, shape: [1, layers.count, 2]), kind: .buffer)
    super.init()
    register("", first)
    for (index, layer) in layers.enumerated() { register("grown.\(index)", layer) }
    register("choices", choices)
  }

  public var taps: [Tap] { layers.map(\.tap) }

  /// The number of tasks whose structure is decided.
  var count: Int { choices.value.shape[0] }

  /// What the layers do for the task at a place: it reuses what others made, or made the adapter or the weights itself.
  public func structure(of place: Int) throws -> [LayerOperator] {
    let row = try choices.value.select(place, dim: 0).flatten().integers()
    return layers.indices.map { layer in
      LayerOperator(weights: row[2 * layer], adapter: row[2 * layer + 1] < 0 ? nil : row[2 * layer + 1])
    }
  }

  // MARK: - Growing

  /// Adds fresh weights to every layer, and adapters beside all weights that it has; what was there is frozen.
  func expand() throws { try add(place: count) }

  private func add(place: Int) throws {
    for (_, parameter) in parameters { parameter.isTrainable = false }
    let generator = try random.stream("learn-to-grow")
    for (layer, stage) in zip(layers, try fresh().stages) { try layer.expand(stage, place: place, generator) }
  }

  /// Looks for a structure: all layers mix what they could do, with these scores.
  ///
  /// - Parameter scores: `[options]` of each layer; zeros when nil.
  func startSearch(_ scores: [Tensor]? = nil) throws {
    let known = try (0..<count).map { try structure(of: $0) }
    let options = layers.indices.map { index in
      var options: [LayerOperator] = []
      for structure in known where !options.contains(structure[index]) { options.append(structure[index]) }
      return options + layers[index].made(by: count)
    }
    search = Search(
      options: options,
      scores: try options.enumerated().map { index, options in
        let start = try scores?[index] ?? Tensor.zeros([options.count])
        return Parameter(try start.to(choices.value.device), kind: .mask)
      })
  }

  /// Each layer keeps the option of the largest score; what nobody uses goes.
  func decide() throws {
    guard let search else { return }
    let place = count
    let chosen = try zip(search.options, search.scores).map { options, scores in
      options[try noGrad { try scores.value.argmax(0).itemInt() }]
    }
    let row = chosen.flatMap { [$0.weights, $0.adapter ?? -1] }
    try noGrad {
      let more = try Tensor(row, shape: [1, layers.count, 2]).to(choices.value.device)
      choices.replace(with: try Tensor.concatenate([choices.value, more]))
    }
    for (layer, choice) in zip(layers, chosen) { layer.discard(place: place, except: choice) }
    self.search = nil
  }

  /// The share of a fresh model that the search adds as its scores stand, Σ_l n_l / n Σ_c softmax(α_l)_c z_lc: `[]`.
  func expectedGrowth() throws -> Tensor {
    guard let search else { return try Tensor.zeros([]) }
    let whole = Double(layers.reduce(0) { $0 + $1.size })
    let parts = try zip(layers, zip(search.options, search.scores)).map { layer, choice in
      let sizes = choice.0.map { Float(layer.growth($0, at: count)) }
      return try (choice.1.value.softmax(0) * Tensor(sizes).to(choice.1.value.device)).sum() / whole
    }
    return try parts.dropFirst().reduce(parts[0]) { try $0 + $1 }
  }

  public override func fit(_ shapes: [String: [Int]]) throws {
    guard let tasks = shapes["choices"]?.first else { return }
    let names = shapes.keys.compactMap { GrownLayer.Name(path: $0) }
    let newest = names.map(\.place).max() ?? 0
    for place in stride(from: 1, through: newest, by: 1)
    where layers.allSatisfy({ $0.made(by: place).isEmpty }) {
      try add(place: place)
      for (index, layer) in layers.enumerated() {
        layer.discard(place: place) { part in !names.contains { $0.layer == index && $0.part == part } }
      }
    }
    // A newest task that took what was there froze the rest.
    if tasks - 1 > newest { for (_, parameter) in parameters { parameter.isTrainable = false } }
    guard tasks != count else { return }
    choices.replace(
      with: try Tensor.zeros([tasks, layers.count, 2], dtype: .int64, device: choices.value.device))
  }

  // MARK: - Answering

  /// `[N, …]` → `[N, featureCount]`
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    var x = input
    if layers[0].isMatrix, x.rank > 2 { x = try x.flatten(from: 1) }
    if let search, selected ?? count >= count {
      for (layer, (options, scores)) in zip(layers, zip(search.options, search.scores)) {
        x = try layer.mixed(x, options, shares: scores.value.softmax(0))
      }
      return x
    }
    for (layer, choice) in zip(layers, try structure(of: min(selected ?? count - 1, count - 1))) {
      x = try layer(x, choice)
    }
    return x
  }
}
