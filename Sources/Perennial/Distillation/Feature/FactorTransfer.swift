import Torch

/// Factor transfer (Kim et al. 2018): the teacher's map is paraphrased into factors, and a translator of the student
/// learns to give the same.
///
///     ‖ T(F_s) / ‖T(F_s)‖₂ − P(F_t) / ‖P(F_t)‖₂ ‖₁   (eq. 2, p = 1)
///
/// The paraphraser P is the encoder of an autoencoder of the teacher's maps, which learns here beside the student, from
/// its reconstruction alone: factors reach the student detached. The published code takes the mean of absolute
/// differences with a weight of 500 (RepDistiller: 200), and so does the default. By default the last stage of residual
/// networks for CIFAR.
public final class FactorTransfer: DistillationTerm {
  public static let card = TermCard(
    "ft", .feature, summary: "The student gives the factors that an autoencoder finds in the teacher.",
    formula: "‖T(F_s) / ‖T(F_s)‖ − P(F_t) / ‖P(F_t)‖‖₁ + w ‖F_t − P'(P(F_t))‖² / D",
    paper: "Kim et al., Paraphrasing Complex Network: Network Compression via Factor Transfer, 2018"
  ) { FactorTransfer($0) }

  /// How far two factors are apart.
  public enum Distance: String, CaseIterable, Codable, Sendable {
    /// The mean of absolute differences.
    case meanAbsolute = "mean-absolute"
    /// Their sum.
    case norm
  }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Pairs of taps, student first.
    public var taps: [TapPair] = .same("layer3")
    /// Channels of the factor for each channel of the teacher, k.
    public var paraphraseRate = 0.5
    public var distance = Distance.meanAbsolute
    /// The weight of the paraphraser's mean squared error beside the distance: with the published weight of 500, 1.
    public var reconstruction = 0.002

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.requireTaps(taps)
      try node.require("paraphraseRate", paraphraseRate, above: 0)
      try node.require("reconstruction", reconstruction, above: 0)
    }
  }

  public let name = "ft"
  private let options: Options
  private var factors: [Factors] = []

  public init(_ options: Options = Options()) { self.options = options }

  public var pairs: [TapPair] { options.taps }

  /// - Parameters:
  ///   - student: the student's factor `[N, K, H, W]`
  ///   - teacher: the teacher's, of the same shape
  /// - Returns: `[N]`
  public static func distance(
    student: Tensor, teacher: Tensor, _ distance: Distance = .meanAbsolute
  ) throws -> Tensor {
    let difference = try student.flatten(from: 1).unit(1) - teacher.flatten(from: 1).unit(1)
    return distance == .norm ? try difference.abs().sum([1]) : try difference.abs().mean([1])
  }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    let generator = try random.stream("distillation.ft")
    let module = Module()
    factors = try tapShapes(plan).map { shapes in
      try shapes.requireMaps()
      return try Factors(
        student: shapes.student[1], teacher: shapes.teacher[1], rate: options.paraphraseRate, generator)
    }
    for (index, pair) in factors.enumerated() { module.register("\(index)", pair) }
    return module
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    .items(
      try sum(
        zip(sight.pairs, factors).map { pair, factors in
          let factor = try factors.paraphraser(pair.teacher)
          let error = try factors.decoder(factor).meanSquaredError(pair.teacher, reduction: .none)
          let student = try Adapter.resized(pair.student, to: Array(pair.teacher.shape[2...]))
          let distance = try Self.distance(
            student: factors.translator(student), teacher: factor.detach(), options.distance)
          return try distance + error.itemMeans() * options.reconstruction
        }))
  }
}

/// The two ways to a factor, and the way back from the teacher's.
///
/// Each is three 3×3 convolutions with batch normalisation and a leaky ReLU of slope 0.1 behind each, of which the second
/// changes the channels (section 4).
private final class Factors: Module {
  let paraphraser: Sequential
  let decoder: Sequential
  let translator: Sequential

  init(student: Int, teacher: Int, rate: Double, _ generator: Generator) throws {
    let factor = max(1, Int((Double(teacher) * rate).rounded(.down)))
    func stack(_ widths: [Int], transposed: Bool = false) throws -> Sequential {
      Sequential(
        try zip(widths, widths.dropFirst()).flatMap { inputs, outputs -> [any Layer] in
          let convolution: any Layer =
            transposed
            ? try ConvTransposed2d(inputs, outputs, kernel: 3, padding: 1, generator)
            : try Conv2d(inputs, outputs, kernel: 3, padding: 1, generator)
          return [convolution, try BatchNorm(outputs), Lambda { try $0.leakyReLU(slope: 0.1) }]
        })
    }
    paraphraser = try stack([teacher, teacher, factor, factor])
    decoder = try stack([factor, factor, teacher, teacher], transposed: true)
    translator = try stack([student, student, factor, factor])
    super.init()
    register("paraphraser", paraphraser)
    register("decoder", decoder)
    register("translator", translator)
  }
}
