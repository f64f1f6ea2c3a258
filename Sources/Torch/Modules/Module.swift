/// A part of a model: parameters and smaller modules under names, in the order of registration.
///
/// Names joined by dots are the paths of checkpoints; they equal those of the public model that a module
/// mirrors. Registration is explicit and follows `super.init()`: `register("weight", weight)`, `register("0",
/// first)`. A name that is taken twice is refused when values are gathered, saved or loaded; a parameter that several
/// modules share is there once, under its first path.
open class Module {
  private var ownParameters: [(name: String, parameter: Parameter)] = []
  private var children: [(name: String, module: Module)] = []

  /// Whether dropout drops and batch normalisation follows the batch. Set for a whole tree by `train` and
  /// `evaluate`.
  public private(set) var isTraining = true

  /// Whether the module keeps to evaluation mode whatever `train` says.
  public private(set) final var isFrozen = false

  /// Where layers record what per-sample gradients need; nil outside `recording`.
  public private(set) final var tape: ActivationTape?

  public init() {}

  /// Makes a parameter part of this module; nil registers nothing.
  public final func register(_ name: String, _ parameter: Parameter?) {
    if let parameter { ownParameters.append((name, parameter)) }
  }

  /// Makes a module part of this one; with an empty name its paths stay as they are.
  public final func register(_ name: String, _ module: Module) { children.append((name, module)) }

  /// Takes a module out of this one.
  public final func unregister(_ module: Module) { children.removeAll { $0.module === module } }

  /// The module of that name, of this module's own.
  public final func child(_ name: String) -> Module? { children.first { $0.name == name }?.module }

  /// All parameters and buffers with their paths: a module's own first, then its children's, in order. What is shared
  /// comes once.
  public final var parameters: [(path: String, parameter: Parameter)] {
    var found: [(path: String, parameter: Parameter)] = []
    var known: Set<ObjectIdentifier> = []
    collect(below: "", &found, &known)
    return found
  }

  private func collect(
    below prefix: String, _ found: inout [(path: String, parameter: Parameter)],
    _ known: inout Set<ObjectIdentifier>
  ) {
    for (name, parameter) in ownParameters where known.insert(ObjectIdentifier(parameter)).inserted {
      found.append((prefix + name, parameter))
    }
    for child in children {
      child.module.collect(below: child.name.isEmpty ? prefix : "\(prefix)\(child.name).", &found, &known)
    }
  }

  /// Refuses parts of one name, of which one would hide the other in checkpoints.
  ///
  /// - Throws: `TorchError` with the path.
  final func checkNames() throws {
    for (path, module) in namedModules {
      var names: Set<String> = []
      for name in module.ownParameters.map(\.name) + module.children.map(\.name) where !name.isEmpty {
        guard names.insert(name).inserted else {
          throw TorchError(.other, "two parts have the name \(path.isEmpty ? name : "\(path).\(name)")")
        }
      }
    }
    // Children without a name of their own put theirs beside their parent's.
    var paths: Set<String> = []
    for (path, _) in parameters where !paths.insert(path).inserted {
      throw TorchError(.other, "two parameters have the path \(path)")
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

  /// This module, with an empty path, and all below it with their paths, depth first.
  public final var namedModules: [(path: String, module: Module)] {
    [("", self)]
      + children.flatMap { child in
        child.module.namedModules.map {
          let isJoined = !child.name.isEmpty && !$0.path.isEmpty
          return (child.name + (isJoined ? "." : "") + $0.path, $0.module)
        }
      }
  }

  /// The number of learned values, those held fixed included.
  public final var learnedCount: Int {
    parameters.reduce(0) { $0 + ($1.parameter.kind == .buffer ? 0 : $1.parameter.value.count) }
  }

  /// Goes to training mode, or back with `train(false)`.
  public final func train(_ mode: Bool = true) {
    isTraining = mode && !isFrozen
    for child in children { child.module.train(mode) }
  }

  /// Freezes the parts whose paths `chosen` names, and lets the others learn: frozen parameters are not trained, and a
  /// module all of whose parts are frozen keeps to evaluation mode, so that dropout and batch statistics rest too.
  ///
  /// Takes effect when the next `ParameterVector` is made. A module without parameters is asked for by its own path; a
  /// shared parameter rests if one of its paths is named.
  public final func freeze(where chosen: (_ path: String) -> Bool) {
    var resting: Set<ObjectIdentifier> = []
    _ = freeze(below: "", chosen, &resting)
  }

  /// - Returns: whether everything below is frozen.
  private func freeze(below path: String, _ chosen: (String) -> Bool, _ resting: inout Set<ObjectIdentifier>)
    -> Bool
  {
    func join(_ name: String) -> String { path.isEmpty || name.isEmpty ? path + name : "\(path).\(name)" }
    var parts: [Bool] = []
    for (name, parameter) in ownParameters {
      let isChosen = chosen(join(name))
      parts.append(isChosen)
      if isChosen { resting.insert(ObjectIdentifier(parameter)) }
      parameter.isTrainable = parameter.kind != .buffer && !resting.contains(ObjectIdentifier(parameter))
    }
    for child in children { parts.append(child.module.freeze(below: join(child.name), chosen, &resting)) }
    isFrozen = parts.isEmpty ? chosen(path) : parts.allSatisfy { $0 }
    if isFrozen { isTraining = false }
    return isFrozen
  }

  /// The paths of the parts that `freeze` was given, those of modules without parameters included.
  public final var frozenPaths: Set<String> { frozenPaths(below: "") }

  private func frozenPaths(below path: String) -> Set<String> {
    func join(_ name: String) -> String { path.isEmpty || name.isEmpty ? path + name : "\(path).\(name)" }
    var paths: Set<String> = []
    for (name, parameter) in ownParameters
    where !parameter.isTrainable && (parameter.kind != .buffer || isFrozen) {
      paths.insert(join(name))
    }
    for child in children { paths.formUnion(child.module.frozenPaths(below: join(child.name))) }
    if ownParameters.isEmpty, children.isEmpty, isFrozen { paths.insert(path) }
    return paths
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
