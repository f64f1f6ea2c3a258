import Testing
import Torch

@testable import PerennialText

/// Blocks that are run again in the backward pass give what remembered ones give, dropout included.
struct CheckpointingTests {
  private func gpt2(recomputes: Bool, dropout: Double = 0.1) throws -> GPT2 {
    var c = GPT2Configuration()
    (c.residualDropout, c.embeddingDropout, c.attentionDropout) = (dropout, dropout, dropout)
    (c.vocabularySize, c.width, c.layers, c.heads, c.maximumLength) = (23, 16, 3, 4, 16)
    let model = try GPT2(c, Generator(seed: 1), dropout: Generator(seed: 2))
    model.recomputesBlocks = recomputes
    return model
  }

  private let ids: [Int] = (0..<24).map { ($0 * 7 + 3) % 23 }

  @Test func valuesGradientsAndDropoutAreThoseOfThePlainPass() throws {
    var results: [(loss: Double, gradients: Tensor)] = []
    for recomputes in [false, true] {
      let model = try gpt2(recomputes: recomputes)
      let vector = try ParameterVector(model.trainableParameters)
      var loss = 0.0
      // A second step sees the same draws only if the first left the streams where the plain pass leaves them.
      for _ in 0..<2 {
        let value = try model.loss(Tensor(ids, shape: [2, 12]))
        try vector.backward(value)
        loss = try value.item()
      }
      results.append((loss, try vector.gradients.clone()))
    }
    #expect(results[0].loss == results[1].loss)
    try expectClose(results[0].gradients, results[1].gradients, "gradients", within: 1e-6)
  }

  @Test func plainBackwardAndGradientsAgree() throws {
    let model = try gpt2(recomputes: true, dropout: 0)
    try model.requireGradients()
    let parameters = model.trainableParameters.map(\.parameter.value)
    let asked = try gradients(of: model.loss(Tensor(ids, shape: [2, 12])), withRespectTo: parameters)
    let layers = try gpt2(recomputes: true, dropout: 0)
    try layers.load(model.stateDictionary())
    try layers.requireGradients()
    try layers.loss(Tensor(ids, shape: [2, 12])).backward()
    for (a, (path, b)) in zip(asked, layers.trainableParameters) {
      try expectClose(a, #require(try b.value.gradient), path, within: 1e-6)
    }
  }

  @Test func aFailureInTheSecondRunIsTold() throws {
    let layer = try Linear(2, 2, Generator(seed: 0))
    let x = try Tensor.ones([1, 2])
    try x.setRequiresGrad(true)
    var runs = 0
    let y = try checkpointed([x], of: layer) {
      runs += 1
      if runs > 1 { throw TorchError(.other, "the second run fails") }
      return try layer($0[0])
    }
    do {
      try y.sum().backward()
      Issue.record("no error")
    } catch let error as TorchError {
      #expect(error.message.contains("the second run fails"))
    }
  }

  @Test func higherDerivativesAreRefused() throws {
    let layer = try Linear(2, 2, Generator(seed: 0))
    let x = try Tensor.ones([1, 2])
    try x.setRequiresGrad(true)
    let y = try checkpointed([x], of: layer) { try layer($0[0]).square() }.sum()
    #expect(throws: TorchError.self) { try gradients(of: y, withRespectTo: [x], createGraph: true) }
  }

  @Test func inputsThatNeedNoGradientAndFrozenPartsWork() throws {
    let layer = try Linear(2, 2, Generator(seed: 0))
    try layer.weight.value.setRequiresGrad(true)
    let x = try Tensor.ones([1, 2])
    try checkpointed([x], of: layer) { try layer($0[0]) }.sum().backward()
    #expect(try layer.weight.value.gradient?.floats() == [1, 1, 1, 1])
    #expect(try layer.bias?.value.gradient == nil)
  }

  @Test func t5SharesItsBiasesThroughCheckpoints() throws {
    let golden = try Golden("t5")
    let model = try Golden.model("t5").load(T5.self)
    model.recomputesBlocks = true
    // Training mode for checkpoints, without dropout.
    let quiet = try T5(withoutDropout(model.configuration), Generator(seed: 0), dropout: Generator(seed: 0))
    try quiet.load(model.stateDictionary())
    quiet.recomputesBlocks = true
    quiet.train()
    try quiet.requireGradients()
    let source = try TokenBatch(try golden["full/ids"], mask: try golden["full/mask"])
    let labels = try golden["full/labels"]
    let logits = try quiet(source, target: TokenBatch(quiet.shifted(labels)))
    try logits.flatten(to: 1).crossEntropy(labels.flatten()).backward()
    try quiet.expectGradients(golden, "gradients")
  }

  private func withoutDropout(_ configuration: T5Configuration) -> T5Configuration {
    var c = configuration
    c.dropout = 0
    return c
  }
}
