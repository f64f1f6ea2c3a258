import Foundation
import Perennial
import PerennialLife
import PerennialText
import Torch

extension ExportSubject {
  /// A version of a model directory; inputs that it has learned calibrate it, those that were held out test it.
  ///
  /// - Parameters:
  ///   - version: the one that serves when nil.
  ///   - modality: knows files below the directory.
  ///   - warn: takes what is wrong with the version that should serve.
  /// - Throws: `LifeError` for a version that is not there, damaged or untrained; ``ExportError`` for answers that the model
  ///   alone does not give, and for models that cannot be exported.
  public init(
    _ directory: ModelDirectory, version: Int? = nil, _ modality: any Modality,
    warn: (String) -> Void = { _ in }
  ) throws {
    let model = try directory.load(version, modality, warn: warn)
    guard model.isTrained else { throw LifeError.untrained }
    if let strategy = model.learner.strategies.first(where: \.answersBeyondModel) {
      throw ExportError.answers(version: model.manifest.version, strategy: strategy.name)
    }
    let configuration = try LifeConfiguration(
      yaml: model.manifest.configuration, source: "version \(model.manifest.version)")
    let network = model.learner.model
    network.evaluate()
    let name = directory.url.standardizedFileURL.lastPathComponent
    let samples = try directory.samples(
      for: model, learned: Self.calibrationExamples, heldOut: Self.testExamples)
    let isText = network.backbone is SentenceEncoder
    let outputs = model.outputs
    try self.init(
      LearnedNetwork(
        name: name, network: network, recipe: configuration.recipe, pipeline: model.inputs.pipeline,
        rows: samples.learned.inputs, labels: outputs.labels,
        outputNames: outputs.labels.map { model.manifest.labels[$0] },
        merged: outputs.isMerging ? outputs : nil),
      calibration: samples.learned.count > 0 ? [samples.learned] : [],
      test: samples.heldOut.count > 0 ? [samples.heldOut] : [],
      card: ModelCard(name, model.manifest, configuration, directory.provenance(of: model.manifest.version)),
      tokenizer: isText
        ? TextModality(root: DataRoot(directory.url.path)).folder(of: configuration.recipe)
          .map(TokenizerFiles.folder) : nil)
  }
}
