import Foundation
import Torch

/// A second stage of training at the end of an experience, on as many examples of every class (Castro et al. 2018, §3.3).
///
/// SGD whose rate falls to a tenth `drops` times, at equal distances; the optimizer of the run is not touched.
public struct BalancedFineTuning: Configurable {
  /// What learns.
  public enum Part: String, Codable, CaseIterable, Sendable {
    case model
    /// The head alone, on features of the backbone in evaluation mode.
    case head
  }

  /// 0 leaves the stage out.
  public var epochs = 30
  public var lr = 0.01
  public var drops = 2
  public var momentum = 0.9
  public var weightDecay = 1e-4
  public var batch = 128
  public var part = Part.model

  public init() {}

  public func validate(at node: ConfigurationNode) throws {
    try node.require("epochs", epochs, atLeast: 0)
    try node.require("lr", lr, above: 0)
    try node.require("drops", drops, atLeast: 0)
    try node.require("momentum", momentum, in: 0..<1)
    try node.require("weight_decay", weightDecay, atLeast: 0)
    try node.require("batch", batch, atLeast: 1)
  }

  /// Learns from examples whose targets are units.
  ///
  /// - Parameter loss: of a batch, and what the model made of it.
  func callAsFunction(_ examples: Examples, _ learner: Learner, loss: (Batch, Look) throws -> Tensor) throws {
    guard epochs > 0 else { return }
    let network = learner.model
    let vector = try ParameterVector(
      network.trainableParameters.filter { part == .model || $0.parameter.kind == .head })
    let optimizer = try SGD(learningRate: lr, momentum: momentum, weightDecay: weightDecay)
    network.train(part == .model)
    for epoch in 0..<epochs {
      optimizer.learningRate = lr * pow(0.1, Double(epoch * (drops + 1) / epochs))
      let order = try Tensor.permutation(examples.count, learner.random.stream("fine-tuning"))
      for start in stride(from: 0, to: examples.count, by: self.batch) {
        let places = try order.narrow(dim: 0, start: start, count: min(self.batch, examples.count - start))
        let batch = try learner.batch(of: examples, places, isAugmented: true)
        try vector.zeroGradients()
        let features =
          try part == .model ? network.features(batch.inputs) : noGrad { try network.features(batch.inputs) }
        try vector.backward(loss(batch, Look(features: features, outputs: network.head(features))))
        try optimizer.step(vector)
      }
    }
    network.evaluate()
    try learner.parametersChanged()
  }
}
