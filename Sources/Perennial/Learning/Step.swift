import Torch

/// A differentiable part of the loss, under the name that logs show.
public struct LossTerm {
  public let name: String
  /// A scalar, already weighted.
  public let value: Tensor

  public init(_ name: String, _ value: Tensor) {
    self.name = name
    self.value = value
  }
}

/// One step on its way: what strategies see after the forward pass.
public struct Step {
  public let learner: Learner
  public let session: Session
  /// Counts steps of the session from 0.
  public let number: Int
  public let batch: Batch
  /// Whether the batch is a part of one that is learned in several. What is asked once a step, after them, has the whole
  /// batch, and in ``look`` and ``terms`` the last part's.
  public internal(set) var isPart = false
  /// What the model made of the batch: outputs as the head gives them, no unit masked, and the taps that strategies
  /// asked for.
  public let look: Look
  /// The loss and its parts; without terms while they are being asked for.
  public internal(set) var terms: [LossTerm] = []

  /// Features `[N, D]` of the batch.
  public var features: Tensor { look.features }
  /// Outputs `[N, K]`; empty where no strategy looks at all of them, see ``Strategy/seesOutputs``.
  public var outputs: Tensor { look.outputs }
  /// How much of the session is learned, from 0 to 1.
  public var progress: Double { Double(number) / Double(max(session.steps, 1)) }

  /// The model that takes the step.
  public var model: Network { learner.model }

  /// The gradient of a scalar of this step at the backbone, flattened; nil where it has none. The graph stays.
  func backboneGradient(of value: Tensor) throws -> Tensor? {
    let places = model.backbone.trainableParameters.map(\.parameter.value)
    guard !places.isEmpty, try value.requiresGrad else { return nil }
    let own = try gradients(of: value, withRespectTo: places, retainGraph: true, allowUnused: true)
    return try noGrad { try Tensor.concatenate(own.map { try $0.flatten() }) }
  }
}
