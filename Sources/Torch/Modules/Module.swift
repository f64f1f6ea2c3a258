/// A part of a model: parameters and smaller modules under names, in the order of registration.
///
/// Names joined by dots are the paths of checkpoints; they equal those of the public model that a module
/// mirrors. Registration is explicit and follows `super.init()`: `register("weight", weight)`, `register("0",
/// first)`.
open class Module {
  private var ownParameters: [(name: String, parameter: Parameter)] = []
  private var children: [(name: String, module: Module)] = []

  /// Whether dropout drops and batch normalisation follows the batch. Set for a whole tree by `train` and
  /// `evaluate`.
  public private(set) var isTraining = true

  /// Where layers record what per-sample gradients need; nil outside `recording`.
  public private(set) final var tape: ActivationTape?

  public init() {}

  /// Makes a parameter part of this module; nil registers nothing.
  public final func register(_ name: String, _ parameter: Parameter?) {
    if let parameter { ownParameters.append((name, parameter)) }
  }

  /// Makes a module part of this one; with an empty name its paths stay as they are.
  public final func register(_ name: String, _ module: Module) { children.append((name, module)) }

  /// All parameters and buffers with their paths: a module's own first, then its children's, in order.
  public final var parameters: [(path: String, parameter: Parameter)] {
    ownParameters.map { ($0.name, $0.parameter) }
      + children.flatMap { child in
        child.module.parameters.map {
          (child.name.isEmpty ? $0.path : "\(child.name).\($0.path)", $0.parameter)
        }
      }
  }

  /// Those that optimizers move.
  public final var trainableParameters: [(path: String, parameter: Parameter)] {
    parameters.filter(\.parameter.isTrainable)
  }

  /// The number of learned values.
  public final var parameterCount: Int { trainableParameters.reduce(0) { $0 + $1.parameter.value.count } }

  /// This module and all below it, depth first.
  public final var modules: [Module] { [self] + children.flatMap(\.module.modules) }

  /// The number of learned values, those held fixed included.
  public final var learnedCount: Int {
    parameters.reduce(0) { $0 + ($1.parameter.kind == .buffer ? 0 : $1.parameter.value.count) }
  }

  /// Goes to training mode, or back with `train(false)`.
  public final func train(_ mode: Bool = true) {
    isTraining = mode
    for child in children { child.module.train(mode) }
  }

  /// Makes room for a checkpoint: modules whose shapes come with what they learn grow here.
  ///
  /// - Parameter shapes: those of the checkpoint's tensors below this module, by path.
  open func fit(_ shapes: [String: [Int]]) throws {}

  final func fitAll(_ shapes: [String: [Int]]) throws {
    try fit(shapes)
    for child in children {
      let prefix = child.name.isEmpty ? "" : child.name + "."
      let below = shapes.filter { $0.key.hasPrefix(prefix) }
      try child.module.fitAll(
        Dictionary(uniqueKeysWithValues: below.map { (String($0.key.dropFirst(prefix.count)), $0.value) }))
    }
  }

  final func setTape(_ tape: ActivationTape?) {
    self.tape = tape
    for child in children { child.module.setTape(tape) }
  }

  /// Records a layer's pass where somebody asked for it, and gives its output back.
  public final func taped(_ layer: some PerSampleLayer, input: Tensor, output: Tensor) -> Tensor {
    tape?.record(layer, input: input, output: output)
    return output
  }

  /// Goes to evaluation mode: no dropout, running statistics.
  public final func evaluate() { train(false) }

  /// Runs `body` in evaluation mode and then goes back, also on errors.
  public final func evaluating<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = isTraining
    train(false)
    defer { train(before) }
    return try body()
  }

  /// Moves every parameter; make a new `ParameterVector` afterwards.
  public final func move(to device: Device) throws {
    for (_, parameter) in parameters {
      parameter.replace(with: try noGrad { try parameter.value.to(device) })
    }
  }
}

/// A module from one tensor to one tensor.
public protocol Layer: Module {
  /// The output for an input.
  func callAsFunction(_ input: Tensor) throws -> Tensor
}

/// Layers one after the other, named 0, 1, 2 …
public final class Sequential: Module, Layer {
  public let layers: [any Layer]

  public init(_ layers: [any Layer]) {
    self.layers = layers
    super.init()
    for (index, layer) in layers.enumerated() { register("\(index)", layer) }
  }

  /// Applies the layers in order.
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    try layers.reduce(input) { try $1($0) }
  }
}

/// A function without parameters as a layer.
public final class Lambda: Module, Layer {
  private let body: (Tensor) throws -> Tensor

  /// - Parameter body: what the layer does.
  public init(_ body: @escaping (Tensor) throws -> Tensor) {
    self.body = body
    super.init()
  }

  /// Calls the function.
  public func callAsFunction(_ input: Tensor) throws -> Tensor { try body(input) }
}
