import Foundation
import Perennial
import PerennialText
import PerennialVision
import Testing
import Torch

@testable import PerennialExport

/// Folders with a model, its card, and what was found.
struct ExporterTests {
  private func recipe(_ model: String) throws -> Recipe {
    try Recipe(
      yaml: """
        name: digits/all
        stream: {data: digits, scenario: class, experiences: 1}
        model: \(model)
        training: {optimizer: {adam: {lr: 0.01}}, batch: 32, steps: 150}
        strategies: {plain: []}
        seeds: [0]
        """, source: "recipe")
  }

  /// A classifier of 8×8 images that has learned a little, with the data that it learned.
  private func subject(_ strategies: [any Strategy] = []) throws -> ExportSubject {
    let digits = try ImageDataset.digits().source(normalize: .data)
    let recipe = try recipe("{small-cnn: {channels: [8, 8], hidden: 16}}")
    let stream = try StreamPlan(scenario: .classIncremental, experiences: 1).stream(of: digits, seed: 0)
    let learner = try Learner(
      Blueprint { random in
        let backbone = try SmallCNN(
          input: [1, 8, 8], channels: [8, 8], hidden: 16, random.stream("initialization"))
        return Network(
          backbone, head: try LinearHead(features: 16, random.stream("head")), headName: backbone.headName)
      }, optimizer: Adam(learningRate: 0.01), strategies: strategies,
      options: TrainingOptions(batch: 32, length: .steps(150)),
      pipeline: stream.pipeline, seed: 0)
    try learner.learn(stream.experience(0))
    learner.model.evaluate()
    var card = ModelCard(name: "digits", summary: "Digits.", task: "")
    card.measurements = [ModelCard.Measurement(dataset: "digits", metric: "accuracy", value: 0.5)]
    return try ExportSubject(
      LearnedNetwork(
        name: "digits", network: learner.model, recipe: recipe, pipeline: stream.pipeline,
        rows: digits.test.inputs, labels: learner.classes.labels,
        outputNames: learner.classes.labels.map { "digit \($0)" }),
      calibration: [digits.train], test: [digits.test], card: card)
  }

  @Test(arguments: Exporter.Quantization.allCases) func aQuantisedClassifierKeepsItsAnswers(
    _ quantization: Exporter.Quantization
  ) throws {
    let subject = try subject()
    try withTemporaryFolder { folder in
      var exporter = Exporter()
      (exporter.quantization, exporter.checks) = (quantization, true)
      let report = try exporter.write(subject, to: folder)
      let check = try #require(report.check)
      #expect(check.largestDifference <= Exporter.tolerance)
      let quantized = try #require(report.quantized)
      #expect(quantized.examples == min(2000, subject.test.reduce(0) { $0 + ($1.targets?.shape[0] ?? 0) }))
      let accuracy = try #require(quantized.accuracy)
      #expect(accuracy.model > 0.8)
      #expect(abs(accuracy.model - accuracy.graph) < 0.03)
      #expect(try #require(quantized.agreement) > 0.95)
      #expect(quantized.largestDifference > Exporter.tolerance, "nothing was rounded")
      let card = try String(contentsOf: folder.appendingPathComponent("README.md"), encoding: .utf8)
      for words in [
        "pipeline_tag: \"image-classification\"", "\"int8\"", "| input | `image` | uint8 |", "accuracy",
      ] {
        #expect(card.contains(words), "\(words) in \(card)")
      }
      let read = try Graph(contentsOf: folder.appendingPathComponent("model.onnx"))
      #expect(read.metadata["labels"]?.contains("digit 9") == true)
    }
  }

  /// Code that loads weights knows no adapters.
  @Test func adaptersAreFoldedIntoWeights() throws {
    let (plain, adapted) = (try subject(), try subject([LowRankAdaptation()]))
    func weights(_ subject: ExportSubject) throws -> [String: Tensor] {
      try withTemporaryFolder { folder in
        var exporter = Exporter()
        exporter.format = .safetensors
        _ = try exporter.write(subject, to: folder)
        return try Safetensors.read(folder.appendingPathComponent("model.safetensors")).tensors
      }
    }
    let answers = try noGrad { try adapted.answer(#require(adapted.test.first).inputs).data() }
    let (own, folded) = (try weights(plain), try weights(adapted))
    #expect(own.keys.sorted() == folded.keys.sorted())
    // The graph folds by itself, and both agree; afterwards the model is as before.
    let weight = try #require(folded["fc1.weight"])
    let graph = adapted.graph.constants.values.filter { $0.shape.sorted() == weight.shape.sorted() }
    let differences = try graph.map { constant in
      let same = try constant.shape == weight.shape ? constant : constant.T
      return try (same - weight).abs().amax([0, 1]).item()
    }
    #expect(try #require(differences.min()) < 1e-6)
    #expect(try weights(adapted)["fc1.weight"]?.data() == weight.data())
    let batch = try #require(adapted.test.first)
    #expect(try noGrad { try adapted.answer(batch.inputs).data() } == answers)
    var options = BottleneckAdaptation.Options()
    options.targets = ["fc1"]
    let bottleneck = try subject([BottleneckAdaptation(options)])
    #expect(throws: ExportError.self) { try weights(bottleneck) }
  }

  @Test func weightsOfEightBitsTakeAQuarter() throws {
    let encoder = SentenceEncoder(try TextCases.bert())
    let graph = try Graph(encoder)
    #expect(try graph.quantizedDynamically().constantBytes < graph.constantBytes * 2 / 5)
  }

  @Test func aFolderForPyTorchHoldsWeightsAndWhatTheyMean() throws {
    let subject = try subject()
    try withTemporaryFolder { folder in
      var exporter = Exporter()
      exporter.format = .safetensors
      _ = try exporter.write(subject, to: folder)
      let tensors = try Safetensors.read(folder.appendingPathComponent("model.safetensors")).tensors
      #expect(tensors["fc2.weight"]?.shape == [10, 16])
      #expect(tensors["conv1.weight"]?.shape == [8, 1, 3, 3])
      let data = try Data(contentsOf: folder.appendingPathComponent("config.json"))
      let fields = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      #expect(fields["architecture"] as? String == "small-cnn")
      #expect((fields["id2label"] as? [String: String])?["3"] == "digit 3")
      #expect(fields["input_shape"] as? [Int] == [1, 8, 8])
      let deviation = try #require((fields["image_std"] as? [Double])?.first)
      #expect(deviation > 0.2 && deviation < 0.5)
      exporter.quantization = .int8
      #expect(throws: ExportError.self) { try exporter.write(subject, to: folder) }
    }
  }

  @Test func aModelThatDiffersFromItsGraphIsRefused() throws {
    var subject = try subject()
    let right = subject
    subject = ExportSubject(
      name: right.name, purpose: right.purpose, graph: right.graph, answer: { try right.answer($0) + 0.01 },
      writeFolder: right.writeFolder, calibration: right.calibration, test: right.test, card: right.card)
    try withTemporaryFolder { folder in
      var exporter = Exporter()
      exporter.checks = true
      #expect(throws: ExportError.self) { try exporter.write(subject, to: folder) }
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("model.onnx").path))
    }
  }

  @Test func foldersOfModelsAreExported() throws {
    try withTemporaryFolder { folder in
      let source = folder.appendingPathComponent("tiny")
      let bert = try TextCases.bert(hasPooler: true)
      try ModelFolder(source).save(bert)
      try ModelFolder(source).save(SentencePooling(.max, isNormalized: true), width: 16)
      for (name, model) in try TextCases.models() {
        try model.save(to: folder.appendingPathComponent(name))
      }
      for name in ["tiny", "gpt2", "llama3", "qwen2"] {
        let subject = try ExportSubject(
          folder: folder.appendingPathComponent(name), hasCache: name == "llama3")
        var exporter = Exporter()
        (exporter.checks, exporter.quantization) = (true, .int8)
        let report = try exporter.write(subject, to: folder.appendingPathComponent("\(name)-onnx"))
        #expect(report.findings(.int8).count == 2)
        #expect(try #require(report.check).examples > 0)
        exporter.quantization = .int8Static
        #expect(throws: ExportError.data("int8-static needs data for calibration")) {
          try exporter.write(subject, to: folder.appendingPathComponent("\(name)-static"))
        }
      }
    }
  }

  @Test(arguments: ExportSubject.Half.allCases, [false, true])
  func halvesOfAnEncoderDecoderAreExported(_ half: ExportSubject.Half, hasCache: Bool) throws {
    try withTemporaryFolder { folder in
      let source = folder.appendingPathComponent("t5")
      try ModelFolder(source).save(TextCases.t5(.gatedGELU, isTied: false))
      let subject = try ExportSubject(folder: source, half: half, hasCache: hasCache)
      #expect(subject.name == (half == .encoder ? "t5" : "t5-decoder"))
      var exporter = Exporter()
      (exporter.checks, exporter.quantization) = (true, .int8)
      let report = try exporter.write(subject, to: folder.appendingPathComponent("onnx"))
      // Rows of 9, 6 and 1 tokens.
      #expect(try #require(report.check).examples == 16)
      let names = Set(subject.graph.inputs.map(\.name))
      #expect(names.contains("encoder_hidden_states") == (half == .decoder && !hasCache))
      #expect(names.contains("past_key_values.1.encoder.value") == (half == .decoder && hasCache))
    }
  }

  @Test func anEncoderDecoderThatARunHasTrainedIsExported() throws {
    let network = Network(try TextCases.t5(.relu))
    network.evaluate()
    let rows = try Tensor([3, 4, 5, 0, 0, 7, 8, 0, 9, 2, 1, 0, 0, 5, 6, 0], shape: [2, 2, 4])
    let targets = try Tensor([7, 8, -100, -100, 5, 6, -100, -100], shape: [2, 4])
    let examples = try Examples(inputs: rows, targets: targets)
    let learned = try LearnedNetwork(
      name: "translation", network: network, recipe: recipe("t5"), pipeline: InputPipeline(), rows: rows,
      labels: nil, outputNames: nil)
    let card = ModelCard(name: "translation", summary: "A test.", task: "")
    for half in ExportSubject.Half.allCases {
      let subject = try ExportSubject(learned, test: [examples], card: card, half: half)
      try withTemporaryFolder { folder in
        var exporter = Exporter()
        exporter.checks = true
        let report = try exporter.write(subject, to: folder)
        #expect(try #require(report.check).examples == 6, "three tokens a source")
        exporter.format = .safetensors
        _ = try exporter.write(subject, to: folder)
        let read = try ModelFolder(folder).load(T5.self)
        let asked = try TokenBatch([[3, 4, 5]], padding: 0)
        try expectClose(
          read.hiddenStates(asked), #require(network.encoderDecoder).hiddenStates(asked), "encoder", nil, 0)
      }
    }
  }

  @Test func aModelWithoutHalvesHasNoDecoderToTake() throws {
    try withTemporaryFolder { folder in
      try ModelFolder(folder).save(TextCases.bert())
      #expect(throws: ExportError.halves(of: "bert")) { try ExportSubject(folder: folder, half: .decoder) }
    }
  }

  @Test func aSentenceEncodersFolderComesBackAsItWas() throws {
    try withTemporaryFolder { folder in
      let (source, copy) = (folder.appendingPathComponent("a"), folder.appendingPathComponent("b"))
      try ModelFolder(source).save(TextCases.bert(hasPooler: true))
      let pooling = SentencePooling(.first, isNormalized: true)
      try ModelFolder(source).save(pooling, width: 16)
      #expect(try SentencePooling(folder: ModelFolder(source)) == pooling)
      try Data("{}".utf8).write(to: source.appendingPathComponent("tokenizer_config.json"))
      var exporter = Exporter()
      exporter.format = .safetensors
      _ = try exporter.write(ExportSubject(folder: source), to: copy)
      let read = try ModelFolder(copy).loadSentenceEncoder()
      #expect(read.pooling == pooling)
      let batch = try TextCases.batch()
      try expectClose(read(batch), ModelFolder(source).loadSentenceEncoder()(batch), "vectors", nil, 0)
      #expect(
        FileManager.default.fileExists(atPath: copy.appendingPathComponent("tokenizer_config.json").path))
    }
  }

  @Test func whatStrategiesKeepBesideTheModelCannotBeExported() throws {
    for name in ["frozen-head", "icarl", "packnet", "hat", "mbpa"] {
      #expect(try StrategyRegistry.make(Selection(name)).answersBeyondModel, "\(name)")
    }
    for name in ["replay", "ewc", "lwf", "si", "derpp"] where StrategyRegistry.card(named: name) != nil {
      #expect(try !StrategyRegistry.make(Selection(name)).answersBeyondModel, "\(name)")
    }
  }
}
