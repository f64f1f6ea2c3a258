import Foundation
import Perennial
import PerennialText
import Torch

/// A model that can be exported, with what there is to try it on.
public struct ExportSubject {
  /// What the outputs mean, and so how two answers are compared.
  public enum Purpose: Sendable {
    /// `logits` `[N, K]`: the largest is the answer.
    case classes
    /// `sentence_embedding` `[N, D]`: directions count.
    case embeddings
    /// `logits` `[N, L, V]` of next tokens.
    case tokens
    /// `last_hidden_state` `[N, L, D]`.
    case hidden

    /// The output that is compared.
    var output: String {
      switch self {
      case .classes, .tokens: Graph.Name.logits
      case .embeddings: Graph.Name.embedding
      case .hidden: Graph.Name.hidden
      }
    }
  }

  /// The half of an encoder-decoder that is taken.
  public enum Half: String, Sendable, CaseIterable {
    case encoder, decoder

    /// What an export of a half, or of all, is called.
    static func name(_ half: Half?, of whole: String) -> String {
      half == .decoder ? "\(whole)-decoder" : whole
    }
  }

  /// Inputs of the graph by name, and class numbers int64 `[N]` where they are known.
  public struct Batch {
    public let inputs: [String: Tensor]
    public let targets: Tensor?

    public init(inputs: [String: Tensor], targets: Tensor? = nil) {
      (self.inputs, self.targets) = (inputs, targets)
    }
  }

  public let name: String
  public let purpose: Purpose
  public let graph: Graph
  /// What the model itself answers to inputs of the graph: the output that its purpose names.
  public let answer: ([String: Tensor]) throws -> Tensor
  /// Writes the model's folder: safetensors, configuration, tokenizer.
  let writeFolder: (URL) throws -> Void
  /// Examples to find ranges on; never those that test.
  public var calibration: [Batch] = []
  /// Examples to judge by.
  public var test: [Batch] = []
  /// What a card says about the model.
  public var card: ModelCard

  /// Examples that are tried at once.
  static let batch = 64
  /// Examples that calibration looks at where nothing else is said.
  public static let calibrationExamples = 512
}
