import Foundation
import Perennial
import PerennialLife
import PerennialText
import Torch

/// A network that has learned, with what is needed to ask it from raw inputs.
public struct LearnedNetwork {
  public let name: String
  /// In evaluation mode.
  public let network: Network
  /// The recipe that describes its model and head.
  public let recipe: Recipe
  /// Raw rows to model inputs.
  public let pipeline: InputPipeline
  /// The shape of one raw input, and whether it holds bytes.
  public let shape: [Int]
  public let isImage: Bool
  /// The class label of each output in order, and the names of the outputs; nil where outputs are no classes.
  public let labels: [Int]?
  public let outputNames: [String]?
  /// Which of the network's outputs are one label by now; nil where all are their own.
  public let merged: MergedOutputs?

  /// - Parameter rows: raw inputs `[N, …]`, of which the shape and the type count.
  public init(
    name: String, network: Network, recipe: Recipe, pipeline: InputPipeline, rows: Tensor, labels: [Int]?,
    outputNames: [String]?, merged: MergedOutputs? = nil
  ) {
    (self.name, self.network, self.recipe, self.pipeline) = (name, network, recipe, pipeline)
    (shape, isImage) = (Array(rows.shape.dropFirst()), rows.dtype == .uint8)
    (self.labels, self.outputNames, self.merged) = (labels, outputNames, merged)
  }

  /// Whether inputs are rows of token ids.
  var isText: Bool {
    network.languageModel != nil || network.encoderDecoder != nil || network.backbone is SentenceEncoder
  }

  func merging(_ outputs: Tensor) throws -> Tensor { try merged?(outputs) ?? outputs }

  /// Layers that PyTorch code knows have no place for the sum.
  func refuseMerged() throws {
    guard merged?.isMerging == true else { return }
    throw ExportError.state(
      path: network.headName,
      problem:
        "several of its outputs are one label, and their probabilities add up: ONNX holds that; a student, "
        + "by `perennial distill`, has one output a label")
  }
}

extension ExportSubject {
  /// A network that has learned.
  ///
  /// - Parameters:
  ///   - calibration: examples to find ranges on.
  ///   - test: examples to judge by.
  ///   - tokenizer: what made the texts' tokens, where there is such a thing.
  ///   - half: of an encoder-decoder; its encoder when nil.
  ///   - hasCache: whether what writes tokens takes and gives keys and values of earlier ones.
  /// - Throws: ``ExportError`` for a model that cannot be exported, or has no halves.
  public init(
    _ learned: LearnedNetwork, calibration: [Examples] = [], test: [Examples] = [], card: ModelCard,
    tokenizer: TokenizerFiles? = nil, half: Half? = nil, hasCache: Bool = false
  ) throws {
    let network = learned.network
    guard half == nil || network.encoderDecoder != nil else {
      throw ExportError.halves(of: learned.recipe.model.name)
    }
    (name, self.card) = (Half.name(half, of: learned.name), card)
    var inputs = { try Self.inputs($0, of: learned) }
    if let model = network.encoderDecoder {
      let text = try TextModel(model, half ?? .encoder, hasCache: hasCache)
      (purpose, graph, answer) = (text.purpose, text.graph, text.answer)
      writeFolder = { folder in try network.folded { try Self.finish(folder, tokenizer, text.write) } }
      inputs = { rows in
        try text.inputs(TokenBatch(rows.select(0, dim: 1).to(.int64), padding: model.paddingToken))
      }
    } else if let model = network.languageModel {
      purpose = .tokens
      graph = try Graph(model, hasCache: hasCache)
      answer = { try model(Self.tokens($0)) }
      writeFolder = { folder in
        try network.folded { try Self.finish(folder, tokenizer) { try model.save(to: $0) } }
      }
    } else if let encoder = network.backbone as? SentenceEncoder {
      purpose = .classes
      graph = try Graph(
        encoder, head: network.head, of: network, labels: learned.outputNames, merged: learned.merged)
      answer = { try learned.merging(network.head(encoder(Self.tokens($0)))) }
      writeFolder = { folder in
        try learned.refuseMerged()
        try network.folded {
          try Self.finish(folder, tokenizer) { try Self.write(encoder, network.head, to: $0) }
        }
      }
    } else {
      purpose = .classes
      graph = try Graph(
        network,
        input: learned.isImage
          ? .pixels(shape: learned.shape, learned.pipeline) : .numbers(shape: learned.shape),
        labels: learned.outputNames, merged: learned.merged)
      answer = { inputs in
        let rows =
          try inputs[Graph.Name.image] ?? inputs[Graph.Name.features] ?? Tensor.zeros([0] + learned.shape)
        return try learned.merging(
          network(learned.pipeline(rows, Tensor.arange(0, rows.shape[0]), augmentation: nil)))
      }
      writeFolder = { folder in
        try learned.refuseMerged()
        try network.folded { try NetworkFolder(learned).write(to: folder) }
      }
    }
    self.card.task = purpose.task(isText: learned.isText, isImage: learned.isImage)
    let cache = try Self.emptyCache(graph)
    func batches(_ sets: [Examples], limit: Int) throws -> [Batch] {
      try Self.batches(sets, of: learned, limit: limit) { rows in
        try inputs(rows).merging(cache(rows.shape[0])) { own, _ in own }
      }
    }
    self.calibration = try batches(calibration, limit: Self.calibrationExamples)
    self.test = try batches(test, limit: Self.testExamples)
  }

  /// Test examples that answers are compared on, spread evenly over all there are.
  static let testExamples = 2000

  /// Examples in batches, at most `limit`, spread evenly; labels become numbers of outputs.
  ///
  /// - Parameter inputs: the graph's, for raw rows.
  private static func batches(
    _ sets: [Examples], of learned: LearnedNetwork, limit: Int, as inputs: (Tensor) throws -> [String: Tensor]
  ) throws -> [Batch] {
    guard !sets.isEmpty else { return [] }
    let examples = try Examples.concatenate(sets)
    let count = min(examples.count, limit)
    let places = (0..<count).map { $0 * examples.count / max(count, 1) }
    let units = learned.labels.map { Dictionary(uniqueKeysWithValues: $0.enumerated().map { ($1, $0) }) }
    return try stride(from: 0, to: count, by: batch).map { start in
      let chosen = try examples.select(Array(places[start..<min(start + batch, count)]))
      let targets = try units.map { units in
        try Tensor(chosen.targets.integers().map { units[$0] ?? -1 })
      }
      return Batch(inputs: try inputs(chosen.inputs), targets: targets)
    }
  }

  /// Raw rows as inputs of the graph.
  private static func inputs(_ rows: Tensor, of learned: LearnedNetwork) throws -> [String: Tensor] {
    guard learned.isText else { return [learned.isImage ? Graph.Name.image : Graph.Name.features: rows] }
    let ids = try rows.to(.int64)
    let padding = (learned.network.backbone as? SentenceEncoder)?.paddingToken
    let mask = try padding.map { try (ids .!= $0).to(.int64) } ?? ids.onesLike()
    return [Graph.Name.ids: ids, Graph.Name.mask: mask]
  }

  private static func finish(_ folder: URL, _ tokenizer: TokenizerFiles?, _ write: (URL) throws -> Void)
    throws
  {
    try write(folder)
    try tokenizer?.copy(to: folder)
  }

  private static func write(_ encoder: SentenceEncoder, _ head: any Head, to folder: URL) throws {
    guard let bert = encoder.encoder as? BERT else {
      throw ExportError.layer(path: "encoder", type: "\(type(of: encoder.encoder))")
    }
    let dense: (weight: Tensor, bias: Tensor)
    switch head {
    case let linear as LinearHead: dense = (linear.weight.value, linear.bias.value)
    case let fixed as FixedHead:
      dense = try noGrad {
        (try fixed.weight.value[0..<head.outputs], try fixed.bias.value[0..<head.outputs])
      }
    case let counting as StreamingLDAHead: dense = try counting.solved()
    default:
      throw ExportError.state(
        path: "head", problem: "sentence-transformers has linear layers alone; ONNX holds any head")
    }
    try ModelFolder(folder).save(bert)
    try ModelFolder(folder).save(encoder.pooling, width: encoder.featureCount, dense: dense)
  }
}

extension ExportSubject {
  /// The model that an arm of a run left behind; the run's own data calibrate and test it.
  ///
  /// - Parameters:
  ///   - results: what was measured in the run.
  ///   - tokenizer: what made the texts' tokens, where there is such a thing.
  ///   - half: of an encoder-decoder; its encoder when nil.
  ///   - hasCache: whether what writes tokens takes and gives keys and values of earlier ones.
  /// - Throws: ``ExportError`` for a model that cannot be exported; what the data throw.
  public init(
    _ trained: TrainedArm, results: RunResults, tokenizer: TokenizerFiles? = nil, half: Half? = nil,
    hasCache: Bool = false
  ) throws {
    let stream = trained.stream
    let name = trained.recipe.name.split(separator: "/").last.map(String.init) ?? trained.recipe.name
    let test = try (0..<stream.count).map { try stream.test($0) }
    try self.init(
      LearnedNetwork(
        name: name, network: trained.network, recipe: trained.recipe, pipeline: stream.pipeline,
        rows: test[0].inputs, labels: trained.labels, outputNames: trained.outputNames),
      calibration: (0..<stream.count).map { try stream.experience($0).examples }, test: test,
      card: ModelCard(trained, results), tokenizer: tokenizer, half: half, hasCache: hasCache)
  }
}
