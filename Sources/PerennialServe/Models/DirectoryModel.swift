import Foundation
import Perennial
import PerennialLife
import Torch

/// A version of a model directory as a server asks it.
final class DirectoryModel: ServedModel {
  private let model: LivingModel
  let card: ModelCard

  /// - Throws: `ConfigurationError` where the version's configuration cannot be understood.
  init(_ model: LivingModel) throws {
    self.model = model
    let inputs = try LifeConfiguration(yaml: model.manifest.configuration, source: "the version").inputs
    card = ModelCard(
      kind: model.isTrained ? "a classifier" : "a model that has not learned anything yet",
      abilities: model.isTrained ? [.predict, .embed] : [.embed], input: ModelCard.Input(named: inputs.name),
      labels: model.manifest.answers, parameters: model.manifest.parameters)
  }

  func predict(_ inputs: [ServedInput]) throws -> [[Float]] {
    let predictions = try reading(inputs) { try model.predict($0, top: .max) }
    let places = Dictionary(card.labels.enumerated().map { ($1, $0) }) { first, _ in first }
    return predictions.map { prediction in
      var row = [Float](repeating: 0, count: card.labels.count)
      for choice in prediction.choices {
        if let place = places[choice.label] { row[place] = Float(choice.probability) }
      }
      return row
    }
  }

  func embed(_ inputs: [ServedInput]) throws -> [ServedVector] {
    let features = try reading(inputs) { try model.features($0) }
    let width = features.shape[1]
    let values = try features.array(of: Float.self)
    return inputs.indices.map {
      ServedVector(values: Array(values[$0 * width..<($0 + 1) * width]), tokens: 0)
    }
  }

  /// Tells inputs that nobody could read from a model that fails.
  private func reading<Answer>(_ inputs: [ServedInput], _ body: ([Data]) throws -> Answer) throws -> Answer {
    let payloads = try inputs.enumerated().map { place, input in
      try understood(place) { try model.inputs.payload(input.written) }
    }
    do {
      return try body(payloads)
    } catch {
      for (place, payload) in payloads.enumerated() {
        _ = try understood(place) { try model.inputs.rows([payload]) }
      }
      throw error
    }
  }

  private func understood<Value>(_ place: Int, _ body: () throws -> Value) throws -> Value {
    do { return try body() } catch {
      throw ServeError.invalid("cannot be read by this model", at: "inputs[\(place)]")
    }
  }
}

extension ModelCard.Input {
  /// What arrives at a model directory, by the name that `life.yaml` has for it.
  fileprivate init(named name: String) {
    switch name {
    case "images": self = .image
    case "table": self = .row
    default: self = .text
    }
  }
}
