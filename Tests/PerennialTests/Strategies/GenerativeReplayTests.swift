import Testing
import Torch

@testable import Perennial

@Suite struct GenerativeReplayTests {
  static func form(_ inputs: Tensor, pixels: Bool) throws -> InputForm {
    let raw = try pixels ? inputs.zerosLike().to(.uint8) : inputs
    return InputForm(
      inputs, of: try Examples(inputs: raw, targets: Tensor.zeros([inputs.shape[0]], dtype: .int64)))
  }

  static func autoencoder(_ golden: GoldenTensors, _ name: String) throws -> VariationalAutoencoder {
    let model = try VariationalAutoencoder(
      Self.form(golden["\(name)/rows"], pixels: name == "vae_pixels"), hidden: [7, 5], latent: 3,
      Generator(seed: 1))
    try model.load(golden.all("\(name).parameters"))
    return model
  }

  @Test(arguments: ["vae_pixels", "vae_values"])
  func theLossOfTheAutoencoderIsTheOneOfPyTorch(name: String) throws {
    let golden = try GoldenTensors("generative")
    let model = try Self.autoencoder(golden, name)
    let vector = try ParameterVector(model.trainableParameters)
    let losses = try model.losses(golden["\(name)/rows"], noise: golden["\(name)/noise"])
    expectNear(losses, try golden["\(name)/losses"], "losses")
    try vector.backward(losses.mean())
    for slot in vector.layout.slots {
      expectNear(
        try vector.layout.view(slot, of: vector.gradients), try golden["\(name).gradients/\(slot.path)"],
        relative: 2e-5, slot.path)
    }
  }

  /// Another system has σ = ½ exp(log σ²).
  @Test func theSpreadOfACodeIsTheRootOfItsVariance() throws {
    let golden = try GoldenTensors("generative")
    let losses = try Self.autoencoder(golden, "vae_pixels")
      .losses(golden["vae_pixels/rows"], noise: golden["vae_pixels/noise"])
    #expect(try !losses.isClose(to: golden["vae_pixels/wrong_sigma"], relative: 1e-3))
    let four = Gaussian(mean: try Tensor([Float(1)]), logVariance: try Tensor([Float(4)]).log())
    #expect(try abs(four.sample(Tensor([Float(3)])).item() - 7) < 1e-5)
  }

  @Test func theDivergenceOfNormalDistributionsIsTheOneOfPyTorch() throws {
    let golden = try GoldenTensors("generative")
    let own = Gaussian(mean: try golden["gaussian/mean"], logVariance: try golden["gaussian/log_variance"])
    let prior = Gaussian(
      mean: try golden["gaussian/prior_mean"], logVariance: try golden["gaussian/prior_log_variance"])
    expectNear(try own.divergence(from: prior), try golden["gaussian/divergence"])
    let standard = Gaussian(mean: try prior.mean.zerosLike(), logVariance: try prior.mean.zerosLike())
    expectNear(try own.divergence(), try own.divergence(from: standard))
  }

  @Test(arguments: ["hard", "distilled"])
  func everyStepIsTheOneOfPyTorch(labels: String) throws {
    let golden = try GoldenTensors("generative")
    let blueprint = Blueprint { random in
      let hidden = try Linear(6, 8, random.stream("initialization"))
      try hidden.load([
        "weight": golden["replay.initial/hidden.weight"], "bias": golden["replay.initial/hidden.bias"],
      ])
      return Network(
        LayersBackbone(8, ["hidden": hidden, "activation": Activation(.relu)]),
        head: try RowsHead(golden["replay.initial/head.weight"], golden["replay.initial/head.bias"]))
    }
    let replay = Method.generativeReplay { $0.distill = labels == "distilled" }
    let learner = try Learner(
      blueprint, optimizer: SGD(learningRate: 0.1), strategies: [replay],
      options: TrainingOptions(batch: 8, length: .epochs(1)), pipeline: InputPipeline(), seed: 5)
    var losses: [Double] = []
    for index in 0..<2 {
      let examples = try Examples(
        inputs: golden["replay.experience\(index)/inputs"],
        targets: golden["replay.experience\(index)/labels"])
      try learner.begin(Experience(index: index, name: "\(index)", examples: examples))
      while let session = learner.session, !session.isDone { losses.append(try learner.step()) }
      try learner.end()
    }
    expectNear(
      try Tensor(losses.map { Float($0) }), try golden["replay.\(labels)/losses"], relative: 2e-5, "losses")
    for (path, value) in try learner.model.stateDictionary() {
      expectNear(value, try golden["replay.\(labels).classifier/\(path)"], relative: 2e-5, path)
    }
    let state = try replay.state().scoped("generator").scoped("module").tensors
    let expected = golden.all("replay.\(labels).generator")
    #expect(Set(state.keys) == Set(expected.keys))
    for (path, value) in expected {
      expectNear(try #require(state[path]), value, relative: 5e-5, "generator \(path)")
    }
  }

  /// The steps of the last experience of a whole run.
  static func lastSteps(
    _ strategies: [any Strategy], _ setting: Setting = .plain, _ look: @escaping (Step) throws -> Void
  ) throws {
    let stream = try setting.stream()
    let last = stream.count - 1
    let spy = Spy { if $0.session.experience.index == last { try look($0) } }
    let learner = try setting.learner(strategies + [spy], stream: stream)
    try learner.learn(stream)
    #expect(!spy.places.isEmpty)
  }

  /// Another system leaves out the weights, or judges the generated items by the outputs of other items.
  @Test func theLossIsOfTheGeneratedItemsOwnOutputsAndSharedAmongExperiences() throws {
    try Self.lastSteps([Method.generativeReplay()]) { step in
      let fresh = step.batch.fresh
      #expect(step.outputs.shape[0] == step.batch.count && step.batch.count == 2 * fresh)
      func mean(_ range: Range<Int>) throws -> Double {
        try step.outputs[range].crossEntropy(step.batch.targets[range]).item()
      }
      let (new, old) = (try mean(0..<fresh), try mean(fresh..<(2 * fresh)))
      let loss = try step.terms[0].value.item()
      expectNear(loss, new / 3 + old * 2 / 3, within: 1e-5)
      #expect(abs(loss - (new + old) / 2) > 1e-4)
    }
  }

  @Test(arguments: [Setting.plain, .domains, .tasks])
  func labelsAreOfWhatThePastSelfKnew(setting: Setting) throws {
    try Self.lastSteps([Method.generativeReplay()], setting) { step in
      let (fresh, count) = (step.batch.fresh, step.batch.count)
      let labels = try step.batch.targets[fresh..<count].integers()
      switch setting {
      case .domains: #expect(labels.allSatisfy { $0 < 2 })
      case .tasks:
        let tasks = try #require(try step.batch.tasks?[fresh..<count].integers())
        #expect(step.batch.task == nil)
        for (label, task) in zip(labels, tasks) {
          #expect(task != step.session.experience.task)
          #expect(step.learner.classes.tasks[task]?.contains(label) == true)
        }
      default: #expect(labels.allSatisfy { $0 < step.session.previousOutputs })
      }
    }
  }

  @Test(arguments: [Setting.plain, .tasks])
  func distilledItemsHaveNoHardLabel(setting: Setting) throws {
    try Self.lastSteps([Method.generativeReplay { $0.distill = true }], setting) { step in
      let weights = try #require(try step.batch.weights?.floats())
      #expect(weights.suffix(step.batch.count - step.batch.fresh).allSatisfy { $0 == 0 })
      #expect(step.terms.map(\.name) == ["loss", "replay"])
      #expect(try step.terms[1].value.item() > 0)
    }
  }

  /// A past class of its own cluster is remembered without an example of it.
  @Test(arguments: ["generative-replay", "bi-r"])
  func whatWasLearnedIsKept(name: String) throws {
    let stream = try Clusters(perClass: 40, perTest: 20, spread: 0.4).stream()
    func accuracy(_ strategies: [any Strategy]) throws -> Double {
      let learner = try Learner(
        .tiny(hidden: 32), optimizer: Adam(learningRate: 0.005), strategies: strategies,
        options: TrainingOptions(batch: 16, length: .steps(300)), pipeline: stream.pipeline, seed: 3)
      try learner.learn(stream)
      return try Evaluator(stream).look(at: learner).scores[0].score
    }
    let replay: any Strategy =
      name == "bi-r"
      ? Method.brainInspired { ($0.latent, $0.hidden, $0.learningRate, $0.gated) = (8, [32], 0.005, 0.5) }
      : Method.generativeReplay { ($0.latent, $0.hidden, $0.learningRate) = (8, [32], 0.005) }
    #expect(try accuracy([]) < 0.2)
    #expect(try accuracy([replay]) > 0.7)
  }

  @Test func pixelsAreTheInverseOfNormalisation() throws {
    let pipeline = try InputPipeline(mean: [0.2, 0.5], standardDeviation: [0.3, 0.1])
    let raw = try Tensor.randomIntegers(0..<256, [5, 2, 3, 3], Generator(seed: 1)).to(.uint8)
    let inputs = try pipeline(raw, Tensor.arange(0, 5), augmentation: nil)
    let pixels = try pipeline.pixels(inputs)
    expectNear(pixels, try raw.to(.float32) / 255)
    expectNear(try pipeline.inputs(ofPixels: pixels), inputs)
  }

  @Test func valuesAreRefusedAsTargets() {
    let facts = StreamFacts(classes: nil, experiences: 2, scenario: .instanceIncremental)
    for strategy in [Method.generativeReplay(), Method.brainInspired(), Method.cope(), Method.scr()]
      as [any Strategy]
    {
      #expect(throws: StrategyError.needsClasses(strategy.name)) { try strategy.check(facts) }
    }
  }
}

@Suite struct BrainInspiredReplayTests {
  /// Units that gates silence play no part; others do; every class has gates of its own.
  @Test func gatesSilenceTheirShareOfUnits() throws {
    var options = BrainInspiredReplay.Options()
    (options.latent, options.hidden, options.gated) = (4, [300, 200], 0.8)
    let feedback = try Feedback(features: 5, options, outputs: 6, Generator(seed: 2))
    try feedback.grow(to: 2, Generator(seed: 3))
    let open = try feedback.gates.value.mean([1]).floats()
    #expect(open.allSatisfy { abs($0 - 0.2) < 0.06 })
    #expect(try !feedback.gates.value[0].equals(feedback.gates.value[1]))
    let before = try feedback.gates.value.clone()
    try feedback.grow(to: 5, Generator(seed: 4))
    #expect(try feedback.gates.value[0..<2].equals(before), "gates that are there stay")
  }

  @Test func codesAreDrawnFromTheirClass() throws {
    var options = BrainInspiredReplay.Options()
    (options.latent, options.hidden, options.gated) = (3, [4], 0)
    let feedback = try Feedback(features: 5, options, outputs: 2, Generator(seed: 2))
    try feedback.grow(to: 2, Generator(seed: 3))
    let noise = try Tensor.zeros([2, 3])
    let drawn = try feedback.draw(Tensor([0, 1]), noise: noise)
    #expect(try !drawn[0].isClose(to: drawn[1], relative: 1e-3))
  }

  @Test func eachClassOfEachExperienceHasAPrior() throws {
    for (setting, count) in [(Setting.plain, 6), (Setting.domains, 6), (Setting.instances, 18)] {
      let stream = try setting.stream()
      let strategy = Method.brainInspired()
      let learner = try setting.learner([strategy], stream: stream)
      try learner.learn(stream)
      let priors = try strategy.state().scoped("feedback").scoped("module").requireTensor("prior_mean")
      #expect(priors.shape[0] == count)
    }
  }
}
