import Perennial

/// Pictures or rows of numbers that arrive over time: a model of this modality for rows of one shape.
protocol LiveVisionInputs: LiveInputs {
  var modality: VisionModality { get }
  /// Of one row, without the batch dimension.
  var shape: [Int] { get }
}

extension LiveVisionInputs {
  func blueprint(_ recipe: Recipe) throws -> Blueprint { try modality.blueprint(recipe, input: shape) }
}
