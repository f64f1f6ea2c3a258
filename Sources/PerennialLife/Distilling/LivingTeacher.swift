import Perennial
import Torch

/// A version that serves as a teacher: it says what it answers in use, strategies heard and labels merged.
struct LivingTeacher: Teacher {
  private let model: LivingModel
  private let merged: MergedOutputs

  init(_ model: LivingModel) { (self.model, merged) = (model, model.outputs) }

  var labels: [Int]? { merged.labels }
  var outputs: Int { merged.labels.count }
  var network: Frozen? { nil }
  var tapNames: [String] { model.learner.model.tapNames }

  /// Scores so far below the best that their probability is nothing: −∞, of labels without an example, has no difference
  /// that could be learned.
  private static let lowest = -1e4

  func look(_ inputs: Tensor, taps: [String]) throws -> Look {
    var look = try model.learner.look(inputs, taps: taps)
    look.outputs = try noGrad {
      let outputs = try merged(look.outputs)
      return try (outputs - outputs.amax([1], keepDims: true)).clamp(min: Self.lowest)
    }
    return look
  }

  func digest() throws -> String {
    let state = try model.learner.model.stateDictionary()
    return try Recipe.sha256(of: Safetensors.encode(state))
  }
}
