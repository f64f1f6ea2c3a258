import Testing
import Torch

@testable import Perennial

@Suite struct KroneckerLaplaceTests {
  /// Of one example the information of one layer is a Kronecker product, so nothing is approximated: the force is that
  /// of the whole Fisher matrix of the layer, which the diagonal is not.
  @Test func ofOneExampleItIsTheFisherMatrixItself() throws {
    let stream = try Clusters().stream()
    let learner = try Setting.plain.learner([], stream: stream)
    try learner.learn(stream, 1)
    let one = try stream.experience(0).examples.select([0])
    let factors = try KroneckerFactors.estimate(of: learner, one, task: nil, limit: nil)
    #expect(factors.count == 2)
    let vector = learner.vector
    let delta = try Tensor.normal([vector.count], RandomStreams(seed: 3).stream("delta"))

    for own in factors {
      let layer = own.weight.replacing(".weight", with: "")
      let isOwn = { (path: String) in path.hasPrefix(layer) }
      // Σ_c p_c g_c (g_cᵀ δ) with the gradient g_c of log p_c of this layer alone.
      let expected = try Tensor.zeros([vector.count])
      let logp = try learner.model(one.inputs).logSoftmax()
      for c in 0..<2 {
        let g = try Tensor.zeros([vector.count])
        let found = try gradients(
          of: logp.select(c, dim: 1).sum(), withRespectTo: vector.parameters.map(\.value), retainGraph: true)
        try noGrad {
          for (slot, gradient) in zip(vector.layout.slots, found) where isOwn(slot.path) {
            try vector.layout.view(slot, of: g).copy(from: gradient)
          }
          let p = try logp.select(c, dim: 1).exp().sum().item()
          try expected.add(g, scale: p * g.dot(delta).item())
        }
      }
      try vector.zeroGradients()
      try own.addGradient(to: vector, anchor: noGrad { try vector.values - delta }, scale: 1)
      expectNear(vector.gradients, expected, relative: 1e-3, layer)
    }
  }

  static func random(_ n: Int, _ generator: Generator) throws -> Tensor {
    let root = try Tensor.normal([n, n], generator)
    return try root.matmul(root.T)
  }

  static func factors(_ a: Tensor, _ g: Tensor) -> KroneckerFactors {
    KroneckerFactors(weight: "w", bias: nil, inputs: a, outputs: g)
  }

  /// Against the singular value decomposition of the rearranged sum.
  @Test(arguments: 1...5)
  func theNearestSumIsTheNearest(seed: Int) throws {
    let g = try RandomStreams(seed: UInt64(seed)).stream("factors")
    let (a1, g1) = (try Self.random(4, g), try Self.random(3, g) * Double(seed))
    let (a2, g2) = (try Self.random(4, g), try Self.random(3, g))
    let rearranged =
      try a1.reshape([16, 1]).matmul(g1.reshape([1, 9])) + a2.reshape([16, 1]).matmul(g2.reshape([1, 9]))
    let nearest = try Self.factors(a1, g1).nearestSum(Self.factors(a2, g2))
    let ours = try nearest.inputs.reshape([16, 1]).matmul(nearest.outputs.reshape([1, 9]))
    let (u, s, vh) = try rearranged.svd()
    let best = try u.narrow(dim: 1, start: 0, count: 1).matmul(vh.narrow(dim: 0, start: 0, count: 1)) * s[0]
    expectNear(ours, best, relative: 1e-4)
    for factor in [nearest.inputs, nearest.outputs] {
      let values = try factor.symmetricEigen().values
      #expect(try values.amin([]).item() > -1e-4 * values.amax([]).item())
    }
  }

  @Test func equalFactorsAddExactlyAndAGrownHeadIsPadded() throws {
    let g = try RandomStreams(seed: 9).stream("factors")
    let (a, small) = (try Self.random(4, g), try Self.random(2, g))
    let twice = try Self.factors(a, small).nearestSum(Self.factors(a, small))
    expectNear(try twice.inputs.kronecker(twice.outputs), try a.kronecker(small) * 2, relative: 1e-4)
    let grown = try Self.factors(a, small).nearestSum(Self.factors(a, Tensor.zeros([5, 5])))
    #expect(grown.outputs.shape == [5, 5])
    expectNear(
      try grown.inputs.kronecker(grown.outputs[0..<2].narrow(dim: 1, start: 0, count: 2)),
      try a.kronecker(small), relative: 1e-4)
    #expect(try grown.outputs[2..<5].abs().amax([]).item() == 0)
  }

  /// Layers without factors are not free.
  @Test func batchNormalisationIsHeldByTheDiagonal() throws {
    let stream = try Clusters().stream()
    let kfac = Method.kfac { $0.lambda = 2 }
    let learner = try Setting.dropoutAndNorm.learner([kfac], stream: stream)
    try learner.learn(stream, 1)
    let fisher = try FisherInformation.diagonal(
      of: learner, stream.experience(0).examples, task: nil, kind: .exact)
    let slot = try #require(learner.vector.layout.slots.first { $0.path == "norm.weight" })
    let own = try learner.vector.layout.view(slot, of: fisher).clone()
    try learner.begin(stream.experience(1))
    learner.model.evaluate()
    try noGrad { try learner.vector.values.add(learner.vector.values.onesLike(), scale: 0.5) }
    let added = try ElasticWeightConsolidationTests.addedGradient(learner)
    expectNear(try learner.vector.layout.view(slot, of: added), own, relative: 1e-3)
  }

  @Test func itsMemoryDoesNotGrowWithTheNumberOfExperiences() throws {
    func kept(_ experiences: Int, _ mode: KroneckerLaplace.Mode) throws -> Int {
      let stream = try Clusters().stream(.domainIncremental)
      let kfac = Method.kfac { $0.mode = mode }
      try Setting.domains.learner([kfac], stream: stream).learn(stream, experiences)
      return try kfac.state().tensors.values.reduce(0) { $0 + $1.count }
    }
    #expect(try kept(1, .nearest) == kept(3, .nearest))
    #expect(try kept(1, .separate) < kept(3, .separate))
  }
}
