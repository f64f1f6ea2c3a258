import Torch

/// Feature extraction (Donahue et al. 2014; "freezing" in FACIL): the backbone learns for some experiences and then rests;
/// later experiences train the head alone.
///
///     θ_backbone fixed after the first n experiences,   n = 1; 0 for weights from elsewhere
public final class FeatureExtraction: Strategy {
  public static let card = StrategyCard(
    "feature-extraction", .transfer,
    summary: "The backbone rests after the first experience; the head goes on.",
    formula: "θ_backbone fixed after n experiences; L over θ_head",
    use: "Features are good already: pretrained, or a rich first experience.",
    avoid: "Later experiences need other features.",
    cost: "Less than fine-tuning: no backward pass through the backbone.",
    paper: "Donahue et al., DeCAF, 2014; Yosinski et al., How transferable are features, 2014"
  ) { FeatureExtraction($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Experiences that the backbone learns, n.
    public var after = 1

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try node.require("after", after, atLeast: 0) }
  }

  public let name = "feature-extraction"
  public var seesBatch: Bool { false }
  public let options: Options
  private var experiencesSeen = 0

  public init(_ options: Options = Options()) { self.options = options }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    experiencesSeen += 1
    guard experiencesSeen > options.after else { return }
    learner.model.freezeBackbone()
    try learner.parametersChanged()
  }

  public func state() throws -> State {
    var state = State()
    state["experiences"] = experiencesSeen
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    experiencesSeen = try state.require("experiences")
  }
}
