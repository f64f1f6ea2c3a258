import Torch

/// Knowledge review (Chen et al. 2021): each stage of the student, fused with all deeper ones, follows one stage of the
/// teacher.
///
///     Σ_i HCL(t_i, ABF(s_i, ABF(s_{i+1}, …)))
///
/// Attention-based fusion (ABF) weighs a stage and what comes from below it position by position; the hierarchical
/// context loss (HCL) is the mean squared error at full size and averaged to 4, 2 and 1 pixels, with weights 1, ½, ¼, ⅛
/// brought to sum 1. Every shape follows from the plan; vectors are maps of one pixel. The published weight rises linearly
/// over 20 epochs. By default the three stages and the features of residual networks for CIFAR.
public final class ReviewOfKnowledge: DistillationTerm {
  public static let card = TermCard(
    "review", .feature, summary: "Stages of the student, fused with deeper ones, follow those of the teacher.",
    formula: "Σ_i HCL(t_i, ABF(s_i, ABF(s_{i+1}, …)))",
    paper: "Chen et al., Distilling Knowledge via Knowledge Review, 2021"
  ) { ReviewOfKnowledge($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Pairs of taps, student first, shallow ones first.
    public var taps: [TapPair] = .same("layer1", "layer2", "layer3", "features")
    /// The most channels that fused maps have; fewer where the student's deepest stage has fewer.
    public var channels = 512

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.requireTaps(taps)
      try node.require("channels", channels, atLeast: 1)
    }
  }

  public let name = "review"
  private let options: Options
  private var fusions: [Fusion] = []

  public init(_ options: Options = Options()) { self.options = options }

  public var pairs: [TapPair] { options.taps }

  /// Mean squared errors of each item at several sizes, `[N]`.
  ///
  /// - Parameters:
  ///   - student: `[N, C, H, W]`
  ///   - teacher: of the same shape
  public static func hierarchicalContext(student: Tensor, teacher: Tensor) throws -> Tensor {
    var sum = try student.meanSquaredError(teacher, reduction: .none).itemMeans()
    var (weight, total) = (1.0, 1.0)
    for side in [4, 2, 1] where side < min(student.shape[2], student.shape[3]) {
      let (s, t) = (
        try student.adaptiveAvgPool2d([side, side]), try teacher.adaptiveAvgPool2d([side, side])
      )
      weight /= 2
      total += weight
      sum = try sum + s.meanSquaredError(t, reduction: .none).itemMeans() * weight
    }
    return try sum / total
  }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    let generator = try random.stream("distillation.review")
    let shapes = try tapShapes(plan)
    for shape in shapes where ![2, 4].contains(shape.student.count) || ![2, 4].contains(shape.teacher.count) {
      throw shape.refused("it compares maps [N, C, H, W], and vectors [N, D] as maps of one pixel")
    }
    let width = min(options.channels, shapes.last?.student[1] ?? options.channels)
    let module = Module()
    fusions = try shapes.enumerated().map { index, shape in
      try Fusion(shape, width: width, isDeepest: index == shapes.count - 1, generator)
    }
    for (index, fusion) in fusions.enumerated() { module.register("\(index)", fusion) }
    return module
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    var deeper: Tensor?
    let distances = try zip(sight.pairs, fusions).reversed().map { pair, fusion in
      let (output, fused) = try fusion(Self.asMap(pair.student), deeper)
      deeper = fused
      return try Self.hierarchicalContext(student: output, teacher: Self.asMap(pair.teacher))
    }
    return .items(try sum(distances))
  }

  private static func asMap(_ value: Tensor) throws -> Tensor {
    value.rank == 2 ? try value.reshape(value.shape + [1, 1]) : value
  }
}

/// Attention-based fusion of one stage with what comes from the deeper ones.
private final class Fusion: Module {
  private let narrow: Conv2d
  private let narrowNorm: BatchNorm
  private let attention: Conv2d?
  private let widen: Conv2d
  private let widenNorm: BatchNorm
  /// The teacher's height and width.
  private let size: [Int]

  init(_ shapes: TapShapes, width: Int, isDeepest: Bool, _ generator: Generator) throws {
    size = shapes.teacher.count == 4 ? Array(shapes.teacher[2...]) : [1, 1]
    narrow = try Conv2d(shapes.student[1], width, kernel: 1, bias: false, generator)
    narrowNorm = try BatchNorm(width)
    attention = isDeepest ? nil : try Conv2d(2 * width, 2, kernel: 1, generator)
    widen = try Conv2d(width, shapes.teacher[1], kernel: 3, padding: 1, bias: false, generator)
    widenNorm = try BatchNorm(shapes.teacher[1])
    super.init()
    register("narrow", narrow)
    register("narrow_norm", narrowNorm)
    if let attention { register("attention", attention) }
    register("widen", widen)
    register("widen_norm", widenNorm)
  }

  /// - Returns: what follows the teacher, and what goes to the next shallower stage.
  func callAsFunction(_ student: Tensor, _ deeper: Tensor?) throws -> (output: Tensor, fused: Tensor) {
    var fused = try narrowNorm(narrow(student))
    if let deeper, let attention {
      let below = try deeper.resizedNearest(Array(student.shape[2...]))
      let shares = try attention(Tensor.concatenate([fused, below], dim: 1)).sigmoid().chunk(2, dim: 1)
      fused = try fused * shares[0] + below * shares[1]
    }
    if Array(fused.shape[2...]) != size { fused = try fused.resizedNearest(size) }
    return (try widenNorm(widen(fused)), fused)
  }
}
