@testable import Perennial

extension Method {
  static let isolation: [Method] = [
    Method("xdg") { [ContextGating()] },
    Method("packnet") { [PackNet()] },
    Method("hat") { [HardAttention()] },
    Method("progressive") { [ProgressiveNetworks()] },
    Method("den") {
      var options = ExpandableNetworks.Options()
      options.units = 3
      return [ExpandableNetworks(options)]
    },
    Method("learn-to-grow") { [LearnToGrow()] },
    // A resumed run stands in the middle of the search.
    Method("learn-to-grow, searching") {
      var options = LearnToGrow.Options()
      options.search = 0.9
      return [LearnToGrow(options)]
    },
    Method("supsup") { [WeightMasks()] },
    Method("piggyback") { [WeightMasks(piggyback: .init())] },
    Method("cwr") { [CopyWeights()] },
    Method("xdg and ewc") { [ContextGating(), ewc()] },
  ]

  /// What gates, prunes or widens the model from the first experience on, or notes there who uses what.
  static let changingTheFirstExperience: Set<String> = [
    "xdg", "xdg and ewc", "packnet", "hat", "progressive", "den", "learn-to-grow",
    "learn-to-grow, searching", "supsup", "piggyback",
    "cwr",
  ]

  static let weightlessIsolation: [Method] = [
    Method("xdg, nothing gated") {
      var options = ContextGating.Options()
      options.fraction = 0
      return [ContextGating(options)]
    }
  ]
}
