import Foundation
import Testing
import Torch

@testable import Perennial

/// The next token as an objective, and what is counted of it.
@Suite struct TokenPredictionTests {
  static let objective = TokenPrediction()

  static func sample() throws -> (outputs: Tensor, targets: Tensor) {
    let generator = try Generator(seed: 4)
    return (
      try Tensor.normal([3, 4, 5], generator),
      try Tensor([0, 1, 2, 3, 4, -100, 0, 1, -100, -100, -100, 2], shape: [3, 4])
    )
  }

  /// −log softmax by hand, place by place.
  static func negativeLogs() throws -> [[Double?]] {
    let (outputs, targets) = try sample()
    let scores = try outputs.array(of: Float.self).map(Double.init)
    let labels = try targets.integers()
    return (0..<3).map { item in
      (0..<4).map { place in
        let at = item * 4 + place
        guard labels[at] >= 0 else { return nil }
        let row = scores[(at * 5)..<(at * 5 + 5)].map { $0 }
        return log(row.reduce(0) { $0 + exp($1) }) - row[labels[at]]
      }
    }
  }

  @Test func lossesAreMeansOverTokensThatCount() throws {
    let (outputs, targets) = try Self.sample()
    let logs = try Self.negativeLogs()
    let expected = logs.map { row in row.compactMap { $0 }.reduce(0, +) / Double(row.compactMap { $0 }.count)
    }
    let losses = try Self.objective.losses(outputs, targets).array(of: Float.self)
    for (own, wanted) in zip(losses, expected) { expectNear(Double(own), wanted, within: 1e-5) }
    let all = logs.joined().compactMap { $0 }
    expectNear(
      try Self.objective.meanLoss(outputs, targets).item(), all.reduce(0, +) / Double(all.count), within: 1e-5
    )
    expectNear(
      try Self.objective.score(outputs, targets), exp(-all.reduce(0, +) / Double(all.count)), within: 1e-6)
  }

  /// The score of many texts is that of all their tokens, however they are asked about.
  @Test func scoresAddUpOverBatches() throws {
    let generator = try Generator(seed: 9)
    let outputs = try Tensor.normal([700, 4, 5], generator)
    let targets = try Tensor((0..<2800).map { $0 % 7 == 0 ? -100 : $0 % 5 }, shape: [700, 4])
    let whole = try Self.objective.score(outputs, targets)
    var asked = 0
    let parts = try Self.objective.score(over: 700, targets: targets, .cpu) {
      asked += 1
      return try Self.objective.sums(outputs[$0], $1)
    }
    #expect(asked == 3)
    expectNear(parts, whole, within: 1e-6)
    let values = try Tensor.normal([2500, 2], generator)
    let truth = try values + Tensor.normal([2500, 2], generator) * 0.5
    let regression = try Regression().score(over: 2500, targets: truth, .cpu) {
      try Regression().sums(values[$0], $1)
    }
    expectNear(regression, try Regression().score(values, truth), within: 1e-9)
  }

  /// ∂ log p / ∂ outputs by differentiation.
  @Test func scoresAreTheGradientOfTheLogProbability() throws {
    let (outputs, targets) = try Self.sample()
    try outputs.setRequiresGrad(true)
    let total = try -Self.objective.losses(outputs, targets) * Tensor([4.0, 3.0, 1.0] as [Float])
    let gradient = try gradients(of: total.sum(), withRespectTo: [outputs])[0]
    expectNear(try Self.objective.scores(outputs.detach(), targets), gradient, relative: 1e-5)
  }

  @Test func perplexityIsTheInverseOfTheScore() throws {
    var record = try AccuracyMatrix(scores: [[0.5, 0.1], [0.25, 0.2]])
    #expect(record.perplexity == nil)
    record.scoreKind = .tokenProbability
    expectNear(try #require(record.perplexity), (4.0 * 5).squareRoot(), within: 1e-12)
    expectNear(try #require(record.perplexityGrowth), 1, within: 1e-12)
  }

  @Test func theExactFisherInformationIsRefused() throws {
    #expect(throws: TorchError.self) { try Self.objective.fisherRoots(Self.sample().outputs) }
  }
}
