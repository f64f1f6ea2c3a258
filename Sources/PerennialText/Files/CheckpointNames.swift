import Torch

/// How the tensors of a file belong to the parameters of a model.
public struct CheckpointNames: Sendable {
  /// What stands in front of the base model's paths in the model: `transformer.`; files of the base model alone lack it.
  public var prefix = ""
  /// What files of larger models put in front of this model's paths: `bert.`.
  public var outer = ""
  /// What stands in front of tensors that are no part of the base model: `lm_head.`.
  public var own: [String] = []
  /// Tensors of larger models that this one does without: `cls.`.
  public var passedOver: [String] = []
  /// Ends of the names of tensors that are computed, and that older files carry: `.attn.bias`.
  public var computed: [String] = []
  /// Other names of a parameter, which a file may have or leave out: `lm_head.weight` where it is tied.
  public var tied: [String: String] = [:]
  /// Ends of the paths of weights that files store transposed: `attn.c_attn.weight`.
  public var transposed: [String] = []

  /// Names the outcome of `resolve`.
  struct Resolution {
    var tensors: [String: Tensor] = [:]
    var ignored: [String] = []
    /// Tied tensors that differ from what they are tied to, with that.
    var untied: [(alias: String, path: String)] = []
    /// Names that come to one path.
    var doubled: [String] = []
  }

  /// Tensors of a file under the paths of the model.
  func resolve(_ file: [String: Tensor]) throws -> Resolution {
    var result = Resolution()
    let hasOuter = !outer.isEmpty && file.keys.contains { $0.hasPrefix(outer) }
    let lacksPrefix = !prefix.isEmpty && !file.keys.contains { $0.hasPrefix(prefix) }
    for (name, tensor) in file.sorted(by: { $0.key < $1.key }) {
      var path = name
      if hasOuter, path.hasPrefix(outer) { path.removeFirst(outer.count) }
      if lacksPrefix, !own.contains(where: path.hasPrefix) { path = prefix + path }
      path = Self.modern(path)
      if computed.contains(where: path.hasSuffix) || passedOver.contains(where: path.hasPrefix) {
        result.ignored.append(name)
      } else if result.tensors[path] != nil {
        result.doubled.append(name)
      } else {
        let isTransposed = transposed.contains(where: path.hasSuffix) && tensor.rank == 2
        result.tensors[path] = isTransposed ? try tensor.T : tensor
      }
    }
    for (alias, path) in tied.sorted(by: { $0.key < $1.key }) {
      guard let other = result.tensors[alias] else { continue }
      // A file may have kept the alias alone.
      guard let own = result.tensors[path] else {
        result.tensors[path] = other
        result.tensors[alias] = nil
        continue
      }
      if own.shape == other.shape, own.dtype == other.dtype, try own.equals(other) {
        result.tensors[alias] = nil
        result.ignored.append(alias)
      } else {
        result.untied.append((alias, path))
      }
    }
    return result
  }

  /// Layer normalisation of the first BERT files has other names.
  private static func modern(_ path: String) -> String {
    if path.hasSuffix("LayerNorm.gamma") { return String(path.dropLast("gamma".count)) + "weight" }
    if path.hasSuffix("LayerNorm.beta") { return String(path.dropLast("beta".count)) + "bias" }
    return path
  }

  /// The model's tensors as a file has them.
  func stored(_ model: [String: Tensor]) throws -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (path, tensor) in model {
      result[path] =
        transposed.contains(where: path.hasSuffix) ? try tensor.T.contiguous() : tensor
    }
    return result
  }
}
