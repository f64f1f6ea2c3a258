import Torch

/// The feature part of SimKD (Chen et al. 2022): the student's last map, projected, becomes the teacher's, whose
/// classifier then serves both.
///
///     ‖P(F_s) − F_t‖² / D   (eq. 3)
///
/// The projector P is a 1×1 convolution to half the teacher's channels, a 3×3 and a 1×1 convolution, each with batch
/// normalisation and a ReLU; for vectors a linear map. The larger map is averaged to the size of the smaller. It is meant
/// to be the whole loss, at weight 1. By default the last stage of residual networks for CIFAR.
public final class ReusedClassifier: DistillationTerm {
  public static let card = TermCard(
    "sim-kd", .feature, summary: "The student's last values become the teacher's, so that its classifier fits.",
    formula: "‖P(F_s) − F_t‖² / D",
    paper: "Chen et al., Knowledge Distillation with the Reused Teacher Classifier, 2022"
  ) { ReusedClassifier($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// One pair of taps, student first.
    public var taps: [TapPair] = .same("layer3")
    /// The teacher's channels for each channel inside the projector.
    public var reduction = 2

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.requireTaps(taps, atMost: 1)
      try node.require("reduction", reduction, atLeast: 1)
    }
  }

  public let name = "sim-kd"
  private let options: Options
  private var projector: (any Layer)?
  private var size: [Int]?

  public init(_ options: Options = Options()) { self.options = options }

  public var pairs: [TapPair] { options.taps }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    let generator = try random.stream("distillation.sim-kd")
    let shapes = try tapShapes(plan)[0]
    let (student, teacher) = (shapes.student[1], shapes.teacher[1])
    if shapes.student.count == 2, shapes.teacher.count == 2 {
      projector = Sequential([try Linear(student, teacher, generator)])
    } else {
      try shapes.requireMaps()
      size = (2...3).map { min(shapes.student[$0], shapes.teacher[$0]) }
      let inside = max(1, teacher / options.reduction)
      projector = Sequential(
        try [(student, inside, 1), (inside, inside, 3), (inside, teacher, 1)].flatMap {
          inputs, outputs, kernel -> [any Layer] in
          [
            try Conv2d(inputs, outputs, kernel: kernel, padding: kernel / 2, bias: false, generator),
            try BatchNorm(outputs), Activation(.relu),
          ]
        })
    }
    return projector
  }

  /// The student's value as the teacher's, `[N, C_t, H, W]` or `[N, D_t]`.
  ///
  /// - Throws: `DistillationError.shapes` before the term has been built.
  public func projected(_ student: Tensor) throws -> Tensor {
    guard let projector else {
      throw DistillationError.shapes(term: name, "it has not been built for any pair of taps")
    }
    return try projector(size.map { try Adapter.resized(student, to: $0) } ?? student)
  }

  /// The features `[N, D_t]` that the teacher's classifier takes, made from the student's value.
  ///
  /// - Throws: `DistillationError.shapes` before the term has been built.
  public func features(_ student: Tensor) throws -> Tensor {
    let projected = try projected(student)
    return projected.rank == 4 ? try projected.mean([2, 3]) : projected
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    .items(
      try sum(
        sight.pairs.map { pair in
          let teacher = try size.map { try Adapter.resized(pair.teacher, to: $0) } ?? pair.teacher
          return try projected(pair.student).meanSquaredError(teacher, reduction: .none).itemMeans()
        }))
  }
}
