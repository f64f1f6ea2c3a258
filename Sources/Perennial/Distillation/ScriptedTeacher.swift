import Digests
import Foundation
import Torch

/// A teacher that arrives as a TorchScript file. Nothing inside it can be looked at but its outputs.
public struct ScriptedTeacher: Teacher {
  public let labels: [Int]?
  public let outputs: Int
  public let data: DataSource?
  public let tapNames = ["outputs"]
  private let name: String
  private let module: ScriptModule
  private let fileDigest: String

  /// - Parameters:
  ///   - name: for errors.
  ///   - example: inputs `[1, …]` such as it will be given, which it is asked once.
  ///   - labels: the class labels of its outputs in order; 0, 1, 2 … when nil.
  ///   - data: what it is shown, where it takes other inputs than the student.
  /// - Throws: `FileError` for a damaged file, `DistillationError.teacher` for inputs that it does not take and answers
  ///   that are not `[N, K]`, `LearnerError.labels`.
  public init(
    _ name: String, contentsOf url: URL, example: Tensor, labels: [Int]? = nil, data: DataSource? = nil,
    dtype: DType = .float32, device: Device = .cpu
  ) throws {
    let module = try ScriptModule(contentsOf: url, dtype: dtype, device: device)
    self.module = module
    let bytes = try Data(contentsOf: url)
    fileDigest = try Digest(sha256: bytes + Data("\(dtype)".utf8)).hex
    (self.name, self.data) = (name, data)
    let answer = try noGrad { try Self.answer(module, example, name) }
    outputs = answer.shape[1]
    self.labels = labels ?? Array(0..<outputs)
    if let labels, labels.count != outputs || Set(labels).count != outputs {
      throw LearnerError.labels(labels.count, outputs: outputs)
    }
  }

  /// - Throws: `TapError` for taps other than `outputs`.
  public func look(_ inputs: Tensor, taps: [String]) throws -> Look {
    if let tap = taps.first(where: { $0 != "outputs" }) { throw TapError.unknown(tap, known: tapNames) }
    return try noGrad { try look(inGraphOf: inputs) }
  }

  public func look(inGraphOf inputs: Tensor) throws -> Look {
    let outputs = try Self.answer(module, inputs, name)
    return Look(features: outputs, outputs: outputs)
  }

  public func digest() throws -> String { fileDigest }

  private static func answer(_ module: ScriptModule, _ inputs: Tensor, _ name: String) throws -> Tensor {
    let outputs: Tensor
    do {
      outputs = try module(inputs)
    } catch let error as TorchError {
      throw DistillationError.teacher(name, "it does not take inputs of shape \(inputs.shape): \(error)")
    }
    guard outputs.rank == 2, outputs.shape[0] == inputs.shape[0] else {
      throw DistillationError.teacher(
        name,
        "it answers \(outputs.shape) to inputs of shape \(inputs.shape), where outputs [N, K] are needed")
    }
    return outputs
  }
}
