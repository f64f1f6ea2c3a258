import Foundation
import Perennial
import Testing
import Torch

@testable import PerennialText

/// Layers that `sentence-transformers` puts behind a pooling.
struct SentenceTailTests {
  private static let modules: JSONValue = .list([
    .object(["path": "", "type": "sentence_transformers.models.Transformer"]),
    .object(["path": "1_Pooling", "type": "sentence_transformers.models.Pooling"]),
    .object(["path": "2_Dense", "type": "sentence_transformers.models.Dense"]),
    .object(["path": "3_Normalize", "type": "sentence_transformers.models.Normalize"]),
  ])

  /// What a folder with a Dense layer from 6 to 4 says, but for what is changed.
  private func folder(
    _ changes: [String: JSONValue] = [:], tensors: [String: Tensor]? = nil
  ) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in ["1_Pooling", "2_Dense"] {
      try FileManager.default.createDirectory(at: folder.model.file(name), withIntermediateDirectories: true)
    }
    try Self.modules.data().write(to: folder.model.file("modules.json"))
    try JSONValue.object(["pooling_mode_cls_token": true]).data().write(
      to: folder.model.file("1_Pooling/config.json"))
    let config: [String: JSONValue] = [
      "in_features": 6, "out_features": 4, "bias": true,
      "activation_function": "torch.nn.modules.activation.Tanh",
    ]
    try JSONValue.object(config.merging(changes) { $1 }).data().write(
      to: folder.model.file("2_Dense/config.json"))
    let own = try tensors ?? ["linear.weight": Self.weight(), "linear.bias": Self.bias()]
    try Safetensors.encode(own).write(to: folder.model.file("2_Dense/model.safetensors"))
    return folder
  }

  private static func weight() throws -> Tensor { try Tensor.normal([4, 6], Generator(seed: 1)) }
  private static func bias() throws -> Tensor { try Tensor.normal([4], Generator(seed: 2)) }

  private func tail(_ folder: TemporaryFolder, inputs: Int = 6) throws -> SentenceTail {
    let modules = try SentenceModules(folder.model)
    #expect(modules.pooling == SentencePooling(.first))
    return try SentenceTail(modules.tail, in: folder.model, inputs: inputs)
  }

  @Test func layersAreComputed() throws {
    let vectors = try Tensor.normal([5, 6], Generator(seed: 3))
    let sums = try vectors.matmul(Self.weight().T)
    for (function, expected) in [
      ("Tanh", try (sums + Self.bias()).tanh()), ("Identity", try sums + Self.bias()),
    ] {
      let tail = try tail(folder(["activation_function": .text("torch.nn.modules.\(function)")]))
      #expect(tail.width == 4)
      let lengths = try expected.square().sum([1], keepDims: true).sqrt()
      try expectClose(tail(vectors), expected / lengths, function, within: 1e-5)
    }
    let bare = try tail(folder(["bias": false]))
    let plain = try sums.tanh()
    try expectClose(
      bare(vectors), plain / plain.square().sum([1], keepDims: true).sqrt(), "no bias", within: 1e-5)
  }

  /// Who learns the encoder is told that its folder has more.
  @Test func learningRefusesThem() throws {
    let folder = try folder()
    let error = #expect(throws: FileError.self) { try SentencePooling(folder: folder.model) }
    #expect("\(error.map(String.init(describing:)) ?? "")".contains("2_Dense"))
  }

  @Test func whatDoesNotFitIsNamed() throws {
    func complaint(_ body: () throws -> SentenceTail) -> String {
      let error = #expect(throws: FileError.self) { _ = try body() }
      return error.map { "\($0)" } ?? ""
    }
    #expect(complaint { try tail(folder(), inputs: 8) }.contains("in_features"))
    #expect(
      complaint { try tail(folder(["activation_function": "torch.nn.Softsign"])) }.contains("Softsign"))
    #expect(complaint { try tail(folder(["groups": 2])) }.contains("groups"))
    #expect(
      complaint { try tail(folder(["module_input_name": "token_embeddings"])) }.contains("module_input_name"))
    #expect(
      complaint { try tail(folder(tensors: ["linear.weight": Self.weight()])) }.contains("linear.bias"))
    #expect(
      complaint { try tail(folder(tensors: ["linear.weight": Self.weight().T, "linear.bias": Self.bias()])) }
        .contains("[6, 4], not [4, 6]"))
  }
}
