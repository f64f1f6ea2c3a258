import Torch

/// One layer of a backbone, with units that strategies can look at, gate, and split the model behind.
public struct Stage {
  /// The name of the layer's parameters in checkpoints: `layers.0`.
  public let name: String
  /// Units, or channels, that the stage gives.
  public let width: Int
  /// The weights `[width, …]` that feed the units, and their biases; nil where more than one layer does.
  public let weight: Parameter?
  public let bias: Parameter?
  /// The stage taken apart, for strategies that put something in front of the activation; nil where it cannot be.
  public let parts: Parts?
  /// Multiplies the units.
  public let gate: UnitGate
  /// Sees the gated output.
  public let tap: Tap
  /// Whether the stage stands for a backbone that names no layers: asked by itself, it passes no stage.
  let isWhole: Bool
  private let run: (Tensor) throws -> Tensor

  /// A stage is `activation(affine(input, weight, bias))`.
  public struct Parts {
    /// The affine map with any weights `[width, …]` and biases.
    public let affine: (_ input: Tensor, _ weight: Tensor, _ bias: Tensor?) throws -> Tensor
    /// What follows it, pooling included.
    public let activation: (Tensor) throws -> Tensor

    /// Takes a stage apart.
    public init(
      activation: @escaping (Tensor) throws -> Tensor,
      affine: @escaping (_ input: Tensor, _ weight: Tensor, _ bias: Tensor?) throws -> Tensor
    ) {
      self.activation = activation
      self.affine = affine
    }
  }

  /// - Parameter run: gives the ungated output.
  public init(
    _ name: String, width: Int, weight: Parameter? = nil, bias: Parameter? = nil, parts: Parts? = nil,
    gate: UnitGate = UnitGate(), run: @escaping (Tensor) throws -> Tensor
  ) {
    self.name = name
    self.width = width
    self.weight = weight
    self.bias = bias
    self.parts = parts
    self.gate = gate
    tap = Tap(name)
    isWhole = false
    self.run = run
  }

  /// A backbone in one piece.
  init(whole backbone: any Backbone) {
    (name, width, weight, bias, parts) = ("backbone", backbone.featureCount, nil, nil, nil)
    (gate, tap, isWhole) = (UnitGate(), Tap("backbone"), true)
    run = { [unowned backbone] in try backbone($0) }
  }

  /// The output of the stage, gated.
  public func callAsFunction(_ input: Tensor) throws -> Tensor { try tap(gate(run(input))) }
}

/// Factors of the units of a stage: nil lets everything through, at no cost.
public final class UnitGate {
  /// `[width]`, or `[N, width]` for every item its own.
  public var values: Tensor?

  public init() {}

  /// Units `[N, width]` or channels `[N, width, H, W]`, each times its factor.
  public func callAsFunction(_ units: Tensor) throws -> Tensor {
    guard let values else { return units }
    guard units.rank == 4 else { return try units * values }
    return try units * values.reshape([values.rank == 2 ? values.shape[0] : 1, -1, 1, 1])
  }
}

extension Backbone {
  /// The layers in order; the backbone is their composition. Without a list of its own it is one stage.
  public var stages: [Stage] {
    [Stage(whole: self)]
  }
}
