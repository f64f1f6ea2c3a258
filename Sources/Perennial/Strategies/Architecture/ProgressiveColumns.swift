import Torch

/// Columns of one architecture, each fed by the frozen ones before it: the backbone of ``ProgressiveNetworks``.
///
/// Features are `[h_L, σ(V α ⊙ h_L^{<k})]`, so that a linear head is the paper's output layer with its adapter, U being
/// the head's second half. The first column has zeros there.
public final class ProgressiveColumns: Module, Backbone {
  public let featureCount: Int
  /// The column that answers; the last one when nil.
  public var selected: Int?
  private let options: ProgressiveNetworks.Options
  private let random: RandomStreams
  private let fresh: () throws -> any Backbone
  private var columns: [Column] = []

  init(
    _ first: any Backbone, options: ProgressiveNetworks.Options, _ random: RandomStreams,
    fresh: @escaping () throws -> any Backbone
  ) throws {
    self.options = options
    self.random = random
    self.fresh = fresh
    featureCount = first.featureCount + min(options.adapter ?? first.featureCount, first.featureCount)
    super.init()
    guard let last = first.stages.last, first.stages.allSatisfy({ $0.parts != nil && $0.weight != nil }),
      last.width == first.featureCount
    else {
      throw StrategyError.model(
        "progressive", "needs layers that it can put adapters between: use `mlp`, `small-cnn` or `lenet`")
    }
    try append(first)
  }

  /// The number of columns.
  public var count: Int { columns.count }

  /// Adds a fresh column and freezes those before it.
  func add() throws { try append(fresh()) }

  private func append(_ backbone: any Backbone) throws {
    for column in columns { for (_, parameter) in column.parameters { parameter.isTrainable = false } }
    let column = try Column(backbone, earlier: columns.count, options, random.stream("progressive"))
    register("column\(columns.count)", column)
    columns.append(column)
  }

  public override func fit(_ shapes: [String: [Int]]) throws {
    while shapes.keys.contains(where: { $0.hasPrefix("column\(columns.count).") }) { try add() }
  }

  /// `[N, …]` → `[N, featureCount]`
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    let chosen = selected ?? count - 1
    var earlier: [[Tensor]] = []
    for column in columns[..<chosen] {
      earlier.append(try noGrad { try column.evaluating { try column.layers(input, earlier: earlier) } })
    }
    let column = columns[chosen]
    let layers = try column.layers(input, earlier: earlier)
    guard let features = layers.last else { return input }
    let lateral =
      try column.lateral(to: layers.count, earlier: earlier)
      ?? Tensor.zeros([features.shape[0], featureCount - features.shape[1]], device: features.device)
    return try Tensor.concatenate([features, lateral], dim: 1)
  }
}

/// A backbone and the adapters that bring it what earlier columns know.
private final class Column: Module {
  private let backbone: any Backbone
  /// The adapter in front of each stage behind the first, and the one of the head; none in the first column.
  private let adapters: [LateralAdapter]

  init(
    _ backbone: any Backbone, earlier: Int, _ options: ProgressiveNetworks.Options, _ generator: Generator
  ) throws {
    self.backbone = backbone
    let stages = backbone.stages
    adapters =
      earlier == 0
      ? []
      : try stages.enumerated().map { index, stage in
        try LateralAdapter(
          from: stage, to: index + 1 < stages.count ? stages[index + 1] : nil, earlier: earlier, options,
          generator)
      }
    super.init()
    register("", backbone)
    for (index, adapter) in adapters.enumerated() { register("adapter\(index + 1)", adapter) }
  }

  /// The outputs of all stages.
  func layers(_ input: Tensor, earlier: [[Tensor]]) throws -> [Tensor] {
    var layers: [Tensor] = []
    for (index, stage) in backbone.stages.enumerated() {
      guard index > 0, let adapter = adapters.isEmpty ? nil : adapters[index - 1], let parts = stage.parts,
        let weight = stage.weight, let hidden = try lateral(to: index, earlier: earlier),
        let added = try adapter.expansion.map({ try parts.affine(hidden, $0.value, nil) })
      else {
        let first = stage.weight?.value.rank == 2 && input.rank > 2 ? try input.flatten(from: 1) : input
        layers.append(try stage(layers.last ?? first))
        continue
      }
      let own = try parts.affine(layers[index - 1], weight.value, stage.bias?.value)
      layers.append(try stage.gate(parts.activation(own + added)))
    }
    return layers
  }

  /// σ(V α ⊙ h^{<k}) of the stage before `index`; nil in the first column.
  func lateral(to index: Int, earlier: [[Tensor]]) throws -> Tensor? {
    adapters.isEmpty ? nil : try adapters[index - 1].project(earlier.map { $0[index - 1] })
  }
}

/// α, V and U between two layers.
private final class LateralAdapter: Module {
  /// α `[columns]`
  let scales: Parameter
  /// V: a matrix, or 1×1 convolutions.
  private let projection: any Layer
  /// U in the shape of the next stage's weights; the head has its own.
  let expansion: Parameter?

  init(
    from stage: Stage, to next: Stage?, earlier: Int, _ options: ProgressiveNetworks.Options,
    _ generator: Generator
  ) throws {
    scales = Parameter(try Tensor.uniform([earlier], generator) * options.alpha, kind: .adapter)
    let width = min(options.adapter ?? stage.width, stage.width)
    let isConvolution = stage.weight?.value.rank == 4
    projection =
      isConvolution
      ? try Conv2d(stage.width * earlier, width, kernel: 1, generator)
      : try Linear(stage.width * earlier, width, kind: .adapter, generator)
    expansion = try next?.weight.map { weight in
      var shape = weight.value.shape
      shape[1] = shape[1] / stage.width * width
      let values = try Initializer.kaimingUniform(shape, slope: 5.0.squareRoot(), generator)
      return Parameter(shape.count == 4 ? try values.channelsLast() : values, kind: .adapter)
    }
    super.init()
    register("alpha", scales)
    register("V", projection)
    register("U", expansion)
  }

  /// σ(V α ⊙ h) of the same layer of all earlier columns.
  func project(_ layers: [Tensor]) throws -> Tensor {
    let scaled = try layers.enumerated().map { try $1 * scales.value[$0] }
    return try projection(Tensor.concatenate(scaled, dim: 1)).relu()
  }
}
