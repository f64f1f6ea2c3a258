import Foundation
import Perennial
import Torch

extension ModelFolder {
  /// The most tokens of a text, special ones included, as `sentence-transformers` notes them; nil where it does not.
  ///
  /// - Throws: `FileError` for a file that says no such number.
  func sentenceLength() throws -> Int? {
    let url = file("sentence_bert_config.json")
    guard FileManager.default.fileExists(atPath: url.path) else { return nil }
    return try ConfigurationReader(contentsOf: url).optionalInteger("max_seq_length", minimum: 3)
  }

  /// Writes what `sentence-transformers` reads beside an encoder: how vectors become one, and a linear layer behind where
  /// there is one (its module `Dense`, without activation).
  ///
  /// - Parameters:
  ///   - width: D, of the encoder.
  ///   - dense: weight `[K, D]` and bias `[K]`.
  /// - Throws: `AtomicFileError`, `CocoaError` when the disk refuses.
  public func save(
    _ pooling: SentencePooling, width: Int, dense: (weight: Tensor, bias: Tensor)? = nil
  ) throws {
    var modules: [(type: String, path: String)] = [("Transformer", ""), ("Pooling", "1_Pooling")]
    if pooling.isNormalized { modules.append(("Normalize", "\(modules.count)_Normalize")) }
    if dense != nil { modules.append(("Dense", "\(modules.count)_Dense")) }
    for module in modules where !module.path.isEmpty {
      try FileManager.default.createDirectory(at: file(module.path), withIntermediateDirectories: true)
    }
    var fields: [String: JSONValue] = ["word_embedding_dimension": .integer(width)]
    for (key, kind) in SentencePooling.modes { fields[key] = .flag(kind == pooling.kind) }
    try AtomicFile.write(JSONValue.object(fields).data(), to: file("1_Pooling/config.json"))
    if let dense, let path = modules.last?.path {
      let sizes = dense.weight.shape
      let fields: [String: JSONValue] = [
        "in_features": .integer(sizes[1]), "out_features": .integer(sizes[0]), "bias": true,
        "activation_function": "torch.nn.modules.linear.Identity",
      ]
      try AtomicFile.write(JSONValue.object(fields).data(), to: file("\(path)/config.json"))
      try AtomicFile.write(
        Safetensors.encode(
          ["linear.weight": dense.weight, "linear.bias": dense.bias], metadata: ["format": "pt"]),
        to: file("\(path)/model.safetensors"))
    }
    let list = modules.enumerated().map { index, module in
      JSONValue.object([
        "idx": .integer(index), "name": .text("\(index)"), "path": .text(module.path),
        "type": .text("sentence_transformers.models.\(module.type)"),
      ])
    }
    try AtomicFile.write(JSONValue.list(list).data(), to: file("modules.json"))
  }
}
