import Testing
import Torch

@testable import Perennial

/// Heads that count features instead of learning, against `Scripts/golden/frozen_features.py`.
@Suite struct FrozenFeatureHeadTests {
  /// Feeds items in the given order and in batches of the given sizes, cyclically.
  static func feed(_ head: any Head, _ items: Tensor, _ labels: Tensor, order: [Int], batches: [Int]) throws {
    var start = 0
    var turn = 0
    while start < order.count {
      let places = try Tensor(Array(order[start..<min(start + batches[turn % batches.count], order.count)]))
      let units = try labels.indexSelect(places)
      try head.grow(to: (units.integers().max() ?? 0) + 1, Generator(seed: 1))
      try head.prepare(items.indexSelect(places), units)
      start += places.count
      turn += 1
    }
    head.evaluate()
  }

  static let orders: [[Int]] = [
    Array(0..<60), Array((0..<60).reversed()),
    (0..<60).sorted { ($0 % 4, $0) < ($1 % 4, $1) }, (0..<60).map { $0 * 7 % 60 },
  ]

  @Test(arguments: orders, [[60], [1], [7, 13, 2]])
  func streamingLDAIsTheGoldenOneInAnyOrderAndAnyBatches(order: [Int], batches: [Int]) throws {
    let golden = try GoldenTensors("frozen_features")
    let (items, labels) = try (golden["lda/items"], golden["lda/labels"])
    let head = try StreamingLDAHead(features: 6)
    try Self.feed(head, items, labels, order: order, batches: batches)
    expectNear(try head.covariance().to(.float32), try golden["lda/covariance"])
    expectNear(try head(items), try golden["lda/outputs"], relative: 1e-4)
    expectNear(try (head.sums.value / head.counts.value.unsqueeze(1)).to(.float32), try golden["lda/means"])
  }

  /// Updating the covariance with the class means of the moment, as the paper's algorithm does, gives another
  /// classifier for every order: neither is the covariance of the data.
  @Test func thePaperUpdatesTheCovarianceWithTheMeansOfTheMoment() throws {
    let golden = try GoldenTensors("frozen_features")
    let truth = try golden["lda/covariance"]
    let scale = try truth.abs().amax([]).item()
    for order in ["shuffled", "by_class"] {
      let theirs = try golden["lda_online/\(order)"]
      #expect(try (theirs - truth).abs().amax([]).item() > 0.02 * scale)
    }
  }

  @Test func ridgeChoosesItsStrengthAndSolvesAsTheGoldenOne() throws {
    let golden = try GoldenTensors("frozen_features")
    let (items, labels) = try (golden["lda/items"], golden["lda/labels"])
    let projection = try golden["ridge/projection"]
    let head = try RidgeHead(features: 6, width: projection.shape[1], Generator(seed: 1))
    try head.projection.value.copy(from: projection)
    try Self.feed(head, items, labels, order: Array(0..<60), batches: [7, 13])
    let exponent = try golden["ridge/exponent"].itemInt()
    #expect(try head.strength() == RidgeHead.strengths[exponent + 8])
    expectNear(try head(items), try golden["ridge/outputs"], relative: 1e-4)
  }

  @Test func theErrorByGramMatricesNeedsItsConstantInNoComparison() throws {
    #expect(RidgeHead.strengths.count == 17 && RidgeHead.strengths[8] == 1 && RidgeHead.strengths[10] == 100)
  }

  @Test func neighboursVoteByDistance() throws {
    let head = try NearestNeighboursHead(features: 1, memory: 10, neighbours: 3)
    try head.grow(to: 3, Generator(seed: 1))
    head.evaluate()
    #expect(try head(Tensor([0] as [Float], shape: [1, 1])).floats() == [0, 0, 0])
    try head.prepare(Tensor([0, 1, 2, 10] as [Float], shape: [4, 1]), Tensor([0, 1, 1, 0]))
    let votes = [1 / (0.25 + 1e-3), 1 / (0.25 + 1e-3) + 1 / (2.25 + 1e-3)]
    let total = votes[0] + votes[1]
    let expected = votes.map { Float($0 / total) } + [0]
    let shares = try head(Tensor([0.5] as [Float], shape: [1, 1])).exp()
    expectNear(shares, try Tensor(expected, shape: [1, 3]), relative: 1e-5)
    #expect(head.memory.count == 4)
  }

  static let makers: [(name: String, make: @Sendable (Int, Generator) throws -> any Head)] = [
    ("streaming-lda", { features, _ in try StreamingLDAHead(features: features) }),
    ("ridge", { try RidgeHead(features: $0, width: 20, $1) }),
    ("nearest-neighbours", { features, _ in try NearestNeighboursHead(features: features, memory: 30) }),
    ("nearest-class-mean", { try NearestClassMeanHead(features: $0, $1) }),
  ]

  /// Teachers and resumed learners are copies: same bits, before and after more data, and the copy does not follow.
  @Test(arguments: 0..<makers.count)
  func aCopyAnswersAlikeAndStandsStill(which: Int) throws {
    let blueprint = Blueprint.tiny(head: Self.makers[which].make)
    let network = try blueprint.make(RandomStreams(seed: 1))
    let items = try Tensor.normal([40, 16], Generator(seed: 2))
    let labels = try Tensor((0..<40).map { $0 % 4 })
    try Self.feed(network.head, items, labels, order: Array(0..<20), batches: [5])
    let teacher = try Frozen(network, blueprint)
    let questions = try Tensor.normal([9, 8], Generator(seed: 3))
    network.evaluate()
    let before = try noGrad { try network(questions) }
    #expect(try teacher(questions).data() == before.data())
    let digest = try teacher.digest()
    try network.head.grow(to: 5, Generator(seed: 4))
    try network.head.prepare(items, try labels + 1)
    #expect(try network(questions).shape == [9, 5])
    #expect(try teacher(questions).data() == before.data() && teacher.digest() == digest)
    try network.load(try blueprint.copy(of: network).stateDictionary())
    #expect(network.parameters.filter { $0.path.hasPrefix("head") }.allSatisfy { !$0.parameter.isTrainable })
  }

  @Test(arguments: 0..<makers.count)
  func recipesNameTheHeads(which: Int) throws {
    let head = try HeadRegistry.make(Selection(Self.makers[which].name), features: 3, Generator(seed: 1))
    #expect(head.trainableParameters.isEmpty && head.outputs == 0)
  }
}
