import Foundation
import Perennial
import Torch

/// What `sentence-transformers` puts behind a pooling: its modules `Dense`, a linear layer and a function, and `Normalize`.
public struct SentenceTail {
  enum Step {
    /// Length 1.
    case normalize
    /// Weight `[out, in]` and bias `[out]`.
    case dense(weight: Tensor, bias: Tensor?, Activation.Function)
  }

  private let steps: [Step]
  /// The size of the vectors it gives, where it changes it.
  let width: Int?

  /// - Throws: `FileError` for a module that is not known or does not fit onto the one before, `SafetensorsError`.
  init(_ modules: some Sequence<SentenceModules.Module>, in folder: ModelFolder, inputs: Int) throws {
    var width = inputs
    steps = try modules.map { module in
      guard module.kind == .dense else { return .normalize }
      let step = try Self.dense(in: folder, module.path, inputs: width)
      if case .dense(let weight, _, _) = step { width = weight.shape[0] }
      return step
    }
    self.width = width == inputs ? nil : width
  }

  /// Vectors `[N, D]` → `[N, D']`
  func callAsFunction(_ vectors: Tensor) throws -> Tensor {
    try steps.reduce(vectors) { vectors, step in
      switch step {
      case .normalize: try vectors.unitRows()
      case .dense(let weight, let bias, let function): try function(vectors.linear(weight, bias: bias))
      }
    }
  }

  /// The names of PyTorch's functions, without their module.
  private static let functions: [String: Activation.Function] = [
    "Identity": .identity, "Tanh": .tanh, "ReLU": .relu, "GELU": .gelu, "SiLU": .silu, "Sigmoid": .sigmoid,
    "ELU": .elu, "Softplus": .softplus, "Mish": .mish,
  ]

  private static func dense(in folder: ModelFolder, _ path: String, inputs: Int) throws -> Step {
    let reader = try ConfigurationReader(contentsOf: folder.file("\(path)/config.json"))
    let (taken, given) = (try reader.integer("in_features"), try reader.integer("out_features"))
    guard taken == inputs else {
      throw reader.fault(.corrupt, "in_features", "is \(taken); what comes before has \(inputs)")
    }
    let hasBias = try reader.flag("bias", default: true)
    var function = Activation.Function.tanh
    if case .text(let name)? = reader.value("activation_function") {
      guard let known = name.split(separator: ".").last.flatMap({ functions[String($0)] }) else {
        throw reader.fault(
          .unsupported, "activation_function",
          "is \(name); known are \(functions.keys.sorted().joined(separator: ", "))")
      }
      function = known
    }
    for name in ["module_input_name", "module_output_name"] {
      try reader.require(name, "sentence_embedding")
    }
    try reader.finish()
    let file = folder.file("\(path)/model.safetensors")
    let tensors = try Safetensors.read(file).tensors
    func tensor(_ name: String, _ shape: [Int]) throws -> Tensor {
      guard let tensor = tensors[name] else {
        throw FileError(.missing, file.path, .entry(name), "a Dense module needs it")
      }
      guard tensor.shape == shape else {
        throw FileError(.corrupt, file.path, .entry(name), "is \(tensor.shape), not \(shape)")
      }
      return try tensor.to(.float32)
    }
    return .dense(
      weight: try tensor("linear.weight", [given, taken]),
      bias: hasBias ? try tensor("linear.bias", [given]) : nil, function)
  }
}

extension Tensor {
  /// Rows `[N, D]` of length 1.
  func unitRows() throws -> Tensor { try self / norm([1], keepDims: true).clamp(min: 1e-12) }
}
