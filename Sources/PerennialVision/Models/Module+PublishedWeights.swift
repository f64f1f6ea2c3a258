import Foundation
import Torch

extension Module {
  /// Takes the weights of a public checkpoint; every path and shape must fit.
  ///
  /// Checkpoints from before PyTorch 0.4.1 do not count the batches that batch normalisation saw; the counters then
  /// start at zero.
  /// - Throws: `StateMismatch` naming every missing, unused or misshaped path; nothing is changed then.
  public func loadPublished(_ state: [String: Tensor]) throws {
    var state = state
    for (path, parameter) in parameters
    where path.hasSuffix(".num_batches_tracked") && state[path] == nil {
      state[path] = try parameter.value.zerosLike()
    }
    try load(state)
  }

  /// Takes the weights of a checkpoint for a backbone; those of the classifier of that name are passed over.
  public func loadPublished(_ state: [String: Tensor], ignoringClassifier head: String) throws {
    try loadPublished(state.filter { !$0.key.hasPrefix(head + ".") })
  }

  /// Takes the weights of a public checkpoint in a safetensors file, and gives the file's metadata.
  ///
  /// - Throws: `SafetensorsError` for a damaged file, `StateMismatch` for the weights of another model.
  @discardableResult
  public func loadPublished(contentsOf url: URL) throws -> [String: String] {
    let contents = try Safetensors.read(url)
    try loadPublished(contents.tensors)
    return contents.metadata
  }
}
