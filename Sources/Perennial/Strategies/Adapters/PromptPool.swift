import Torch

/// Prompts with keys; each text takes those whose keys are nearest to its vector.
final class PromptPool: Module, PromptSource {
  /// `[M, D]`
  let keys: Parameter
  /// `[M, P, D]`
  let prompts: Parameter
  let isReadOut: Bool
  /// How many prompts a text takes.
  private let selected: Int
  private unowned let backbone: any Backbone
  private unowned let model: any Promptable
  /// Σ cos(q, k) over the keys that were taken, the mean over texts `[]`, in the graph of the keys.
  private(set) var match: Tensor?

  /// - Parameters:
  ///   - size: M
  ///   - length: P
  init(
    size: Int, length: Int, selected: Int, isReadOut: Bool, backbone: any Backbone, model: any Promptable,
    _ generator: Generator
  ) throws {
    let width = model.promptShape.width
    // As the authors' code draws them: U(−1, 1).
    func draw(_ shape: [Int]) throws -> Parameter {
      Parameter(try Initializer.uniform(shape, -1, 1, generator), kind: .prompt)
    }
    keys = try draw([size, backbone.featureCount])
    prompts = try draw([size, length, width])
    (self.selected, self.isReadOut, self.backbone, self.model) = (selected, isReadOut, backbone, model)
    super.init()
    register("keys", keys)
    register("prompts", prompts)
  }

  var promptLength: Int { selected * prompts.value.shape[1] }

  func callAsFunction(_ ids: Tensor) throws -> Prompt? {
    let query = try noGrad { try model.unprompted { try backbone.evaluating { try backbone(ids) } } }
    let (places, match) = try nearest(query)
    self.match = match
    let (size, length, width) = (prompts.value.shape[0], prompts.value.shape[1], prompts.value.shape[2])
    let rows = try prompts.value.reshape([size, length * width]).indexSelect(places.flatten())
    return .embeddings(try rows.reshape([ids.shape[0], selected * length, width]))
  }

  /// The nearest keys of vectors `[N, D]` by their angle, int64 `[N, selected]`, nearest first, and Σ cos, its mean over N.
  func nearest(_ query: Tensor) throws -> (places: Tensor, match: Tensor) {
    let cosines = try query.detach().unitRows().matmul(keys.value.unitRows().T)
    let places = try noGrad { try cosines.detach().topK(selected, dim: 1).indices }
    return (places, try cosines.gather(places, dim: 1).sum([1]).mean())
  }
}
