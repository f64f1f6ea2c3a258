@testable import Perennial

extension Method {
  static func generativeReplay(_ change: (inout GenerativeReplay.Options) -> Void = { _ in })
    -> GenerativeReplay
  {
    var options = GenerativeReplay.Options()
    (options.latent, options.hidden) = (3, [7])
    change(&options)
    return GenerativeReplay(options)
  }

  static func brainInspired(_ change: (inout BrainInspiredReplay.Options) -> Void = { _ in })
    -> BrainInspiredReplay
  {
    var options = BrainInspiredReplay.Options()
    (options.latent, options.hidden) = (3, [7, 6])
    change(&options)
    return BrainInspiredReplay(options)
  }

  static func gdumb(memory: Int) -> GreedyDumbLearner {
    var options = GreedyDumbLearner.Options()
    options.memory = memory
    return GreedyDumbLearner(options)
  }

  static func scr(_ change: (inout SupervisedContrastiveReplay.Options) -> Void = { _ in })
    -> SupervisedContrastiveReplay
  {
    var options = SupervisedContrastiveReplay.Options()
    (options.memory, options.batch, options.projection) = (13, 6, 5)
    change(&options)
    return SupervisedContrastiveReplay(options)
  }

  static func cope(_ change: (inout ContinualPrototypeEvolution.Options) -> Void = { _ in })
    -> ContinualPrototypeEvolution
  {
    var options = ContinualPrototypeEvolution.Options()
    (options.memory, options.embedding) = (13, 5)
    change(&options)
    return ContinualPrototypeEvolution(options)
  }

  static func latentReplay(_ change: (inout LatentReplay.Options) -> Void = { _ in }) -> LatentReplay {
    var options = LatentReplay.Options()
    options.memory = 13
    change(&options)
    return LatentReplay(options)
  }

  static let generative: [Method] = [
    Method("generative-replay vae") { [generativeReplay()] },
    Method("generative-replay vae distilled") { [generativeReplay { ($0.distill, $0.batch) = (true, 5) }] },
    Method("generative-replay gan") { [generativeReplay { $0.generator = .adversarial }] },
    Method("bi-r") { [brainInspired()] },
    Method("bi-r open, hard labels") { [brainInspired { ($0.gated, $0.distill) = (0, false) }] },
    Method("gdumb") { [gdumb(memory: 13)] },
    Method("replay and nearest-mean-exemplars") {
      [replay { ($0.policy, $0.insert) = (.classBalanced, .end) }, NearestMeanExemplars()]
    },
    Method("scr") { [scr()] },
    Method("cope") { [cope()] },
    Method("cope on features") { [cope { ($0.embedding, $0.batch) = (nil, 3) }] },
    Method("latent-replay held") { [latentReplay()] },
    Method("latent-replay slowed") { [latentReplay { ($0.slowdown, $0.batch) = (0.3, 5) }] },
  ]

  /// Those that do something in the first experience already.
  static let generativeFromTheStart: Set<String> = [
    "bi-r", "bi-r open, hard labels", "gdumb", "scr", "cope", "cope on features",
  ]

  /// Those that train on other examples than the experience's own.
  static let generativeWithOtherExamples: Set<String> = ["gdumb"]

  /// Those that change no weight.
  static let weightlessGenerative: [Method] = [
    Method("nearest-mean-exemplars alone") { [NearestMeanExemplars()] }
  ]
}
