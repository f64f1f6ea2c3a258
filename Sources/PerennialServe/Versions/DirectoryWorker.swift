import Foundation
import Perennial
import PerennialLife
import PerennialModalities

/// Work on a model directory, one piece at a time, on a thread of its own.
actor DirectoryWorker {
  /// Predictions without a label are counted this often.
  private static let interval = 10_000

  private let directory: ModelDirectory
  private let thread: ModelThread
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
  /// Made once: it may read a tokenizer.
  private var inputs: (any LiveInputs)?
  private var sinceCounting = 0

  init(_ name: String, _ directory: ModelDirectory, niceness: Int32 = 0) {
    self.directory = directory
    thread = ModelThread(name: name, niceness: niceness)
  }

  func callAsFunction<Value: Sendable>(_ body: @Sendable (ModelDirectory, Modalities) throws -> Value) throws
    -> Value
  {
    try translating { try body(directory, Self.modality(of: directory)) }
  }

  /// What knows files below the directory.
  static func modality(of directory: ModelDirectory) -> Modalities {
    Modalities(root: DataRoot(directory.url.path))
  }

  private func translating<Value>(_ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as LifeError {
      throw ServeError(error)
    }
  }

  /// Keeps what was served, and lets go of what is too long ago.
  func remember(_ predictions: [ServedRecord], keeping count: Int) throws {
    let served = try predictions.compactMap(prediction)
    try translating { try directory.record(served) }
    sinceCounting += served.count
    guard sinceCounting >= Self.interval else { return }
    sinceCounting = 0
    _ = try translating { try directory.dropServed(keeping: count) }
  }

  /// Keeps labels: those of what was served in one transaction, then those of other inputs.
  func record(_ examples: [LabelledExample]) throws -> [Int?] {
    var served: [ServedPrediction] = []
    var feedback: [ServedLabel] = []
    var given: [LabeledInput] = []
    for example in examples {
      switch example {
      case .served(let record, let label, let shadow):
        if let prediction = try prediction(record) { served.append(prediction) }
        feedback.append(ServedLabel(prediction: record.id, label: label, shadow: shadow))
      case .given(let id, let input, let label):
        given.append(
          LabeledInput(payload: try payload(input), label: label, identifier: id, origin: "the request"))
      }
    }
    return try translating {
      var outcomes = try feedback.isEmpty ? [] : directory.record(served, feedback: feedback)[...]
      if !given.isEmpty { _ = try directory.take(InputRecords(inputs: given)) }
      return examples.map { example in
        if case .served = example { outcomes.popFirst()??.sequence } else { nil }
      }
    }
  }

  private func prediction(_ record: ServedRecord) throws -> ServedPrediction? {
    try record.input.map {
      ServedPrediction(
        identifier: record.id, version: record.version, payload: try payload($0), label: record.label,
        probability: Double(record.probability))
    }
  }

  private func payload(_ input: ServedInput) throws -> Data {
    let inputs =
      try self.inputs ?? Self.modality(of: directory).liveInputs(directory.configuration().recipe)
    self.inputs = inputs
    do {
      return try inputs.payload(input.written)
    } catch {
      throw ServeError.invalid("cannot be read by this model", at: "input")
    }
  }
}

extension ServedInput {
  /// As `LiveInputs` reads it: numbers are the cells of a row.
  var written: String {
    switch self {
    case .text(let text): text
    case .values(let values): values.map { "\($0)" }.joined(separator: ",")
    }
  }
}
