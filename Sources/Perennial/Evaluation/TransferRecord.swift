import Foundation
import Torch

/// What a student took over from its teachers, and what it is to carry around.
public struct TransferRecord: Codable, Equatable, Sendable {
  /// A student beside one of its teachers, on the same test examples.
  public struct Comparison: Codable, Equatable, Sendable {
    public let teacher: String
    /// The share of the examples on which both give the same answer.
    public let agreement: Double
    /// The same, class by class, for the true classes of the examples.
    public let agreementByClass: [Int: Double]
    /// Linear centred kernel alignment of each student tap with each teacher tap.
    public let alignment: [String: [String: Double]]

    enum CodingKeys: String, CodingKey {
      case teacher, agreement, alignment
      case agreementByClass = "agreement_by_class"
    }
  }

  public var comparisons: [Comparison] = []
  /// What labels and terms did to the student while it learned.
  public var terms: [TermReading] = []
  /// The gap between how sure the student is and how often it is right, over 15 bins of its confidence (Guo et al. 2017).
  public var calibrationError: Double?
  /// Learned values, and multiplications of a forward pass for one example in linear and convolution layers.
  public var parameters = 0
  public var multiplyAdds = 0
  /// The median time of a forward pass for one example, in seconds.
  public var latency = 0.0

  enum CodingKeys: String, CodingKey {
    case comparisons, terms, parameters, latency
    case calibrationError = "calibration_error"
    case multiplyAdds = "multiply_adds"
  }
}

/// Compares a trained student with its teachers on test examples.
struct TransferProbe {
  /// The first so many test examples are enough.
  static let limit = 1000
  private static let batch = 250
  private static let bins = 15

  let learner: Learner
  let examples: Examples

  /// - Throws: what asking the models throws.
  func record(readings: [TermReading]) throws -> TransferRecord {
    try noGrad {
      var record = TransferRecord()
      record.terms = readings
      record.parameters = learner.model.learnedCount
      record.multiplyAdds = try learner.model.evaluating { try multiplyAdds() }
      record.latency = try latency()
      guard learner.objective.isClassification else { return record }
      let count = min(examples.count, Self.limit)
      let known = try examples.select(Tensor.arange(0, count))
      let labels = try known.targets.integers()
      let student = try look(known) { try learner.model.look($0, taps: studentTaps) }
      let answers = try student.outputs.argmax(1).integers().map { learner.classes.labels[$0] }
      record.calibrationError = try calibration(student.outputs, labels)
      for (name, teacher) in learner.teachers.sorted(by: { $0.key < $1.key }) {
        let taps = teacher.tapNames.filter { $0 != "features" && $0 != "outputs" }
        let theirs = try look(known) { try teacher.look($0, taps: taps) }
        let said = try theirs.outputs.argmax(1).integers().map { teacher.labels?[$0] ?? $0 }
        var tallies: [Int: Tally] = [:]
        for (index, label) in labels.enumerated() {
          tallies[label, default: Tally()].record(answers[index] == said[index])
        }
        record.comparisons.append(
          .init(
            teacher: name, agreement: Double(zip(answers, said).count { $0 == $1 }) / Double(max(count, 1)),
            agreementByClass: tallies.compactMapValues(\.accuracy), alignment: try alignment(student, theirs)))
      }
      return record
    }
  }

  private var studentTaps: [String] { learner.model.backbone.taps.map(\.name) }

  /// Values at all taps, each `[N, D]`: maps by the mean of their positions.
  private func look(_ examples: Examples, _ ask: (Tensor) throws -> Look) throws -> Look {
    try learner.model.evaluating {
      let looks = try stride(from: 0, to: examples.count, by: Self.batch).map { start in
        let places = try Tensor.arange(start, min(start + Self.batch, examples.count))
        let look = try ask(learner.batch(of: examples, places, isAugmented: false).inputs)
        return Look(
          features: look.features, outputs: look.outputs,
          taps: try look.taps.mapValues { $0.rank == 4 ? try $0.mean([2, 3]) : try $0.flatten(from: 1) })
      }
      var taps: [String: Tensor] = [:]
      for name in (looks.first?.taps ?? [:]).keys {
        taps[name] = try Tensor.concatenate(looks.compactMap { $0.taps[name] })
      }
      return Look(
        features: try Tensor.concatenate(looks.map(\.features)),
        outputs: try Tensor.concatenate(looks.map(\.outputs)), taps: taps)
    }
  }

  private func alignment(_ student: Look, _ teacher: Look) throws -> [String: [String: Double]] {
    try student.taps.mapValues { own in
      try teacher.taps.compactMapValues { try CentredKernelAlignment.linear(own, $0) }
    }
  }

  /// Σ_bins share · |confidence − accuracy|
  private func calibration(_ outputs: Tensor, _ labels: [Int]) throws -> Double {
    let (confidences, units) = try outputs.softmax().max(1)
    let sure = try confidences.array(of: Float.self)
    var bins = [(count: Int, gap: Double)](repeating: (0, 0), count: Self.bins)
    for (index, unit) in try units.integers().enumerated() {
      let bin = min(Int(Double(sure[index]) * Double(Self.bins)), Self.bins - 1)
      bins[bin].count += 1
      bins[bin].gap += Double(sure[index]) - (learner.classes.labels[unit] == labels[index] ? 1 : 0)
    }
    return bins.reduce(0) { $0 + abs($1.gap) } / Double(max(labels.count, 1))
  }

  private func multiplyAdds() throws -> Int {
    let sample = try learner.batch(of: examples, Tensor.arange(0, 1), isAugmented: false)
    let tape = try learner.model.recording { _ = try learner.model(sample.inputs) }
    return tape.entries.reduce(0) { sum, entry in
      guard let weight = entry.layer.parameters.first(where: { $0.path == "weight" })?.parameter.value,
        weight.rank == 2 || weight.rank == 4
      else { return sum }
      let positions = entry.output.count / max(weight.shape[0], 1)
      return sum + weight.count * positions
    }
  }

  private func latency() throws -> Double {
    let sample = try learner.batch(of: examples, Tensor.arange(0, 1), isAugmented: false)
    return try learner.model.evaluating {
      let times = try (0..<11).map { _ in
        let start = ContinuousClock.now
        _ = try learner.model(sample.inputs)
        return (ContinuousClock.now - start).seconds
      }
      return times.sorted()[times.count / 2]
    }
  }
}
