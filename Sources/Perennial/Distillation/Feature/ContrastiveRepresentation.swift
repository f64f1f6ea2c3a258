import Torch

/// Contrastive representation distillation (Tian et al. 2020): the embeddings of the same item in both models are told
/// from those of other items.
///
///     −log D(s_i, t_i) − Σ_k log(1 − D(s_i, t_k)),   D(s, t) = h / (h + K/n),   h = exp(sᵀt / τ) / Z   (eq. 17–18)
///
/// and the same with the models exchanged. s and t are linear embeddings of length 1. With `contrast: bank`, negatives
/// come from two memories of all n examples, which follow with a momentum; Z is fixed by the first batch. With `contrast:
/// batch`, for small data, the others of the batch are the negatives (InfoNCE, van den Oord et al. 2018):
/// −log softmax_j(s_iᵀt_j / τ)_i. The published weight is 0.8. Items that are none of the examples have no place in a
/// bank and are left out. By default the features of both models.
public final class ContrastiveRepresentation: DistillationTerm {
  public static let card = TermCard(
    "crd", .feature, summary: "An item's embeddings in both models are told from those of other items.",
    formula: "−log D(s_i, t_i) − Σ_k log(1 − D(s_i, t_k)), D = h / (h + K/n), h = exp(sᵀt / τ) / Z",
    paper: "Tian et al., Contrastive Representation Distillation, 2020"
  ) { ContrastiveRepresentation($0) }

  /// Where negatives come from.
  public enum Contrast: String, CaseIterable, Codable, Sendable {
    /// Memories of the embeddings of all examples.
    case bank
    /// The other items of the batch.
    case batch
  }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// One pair of taps, student first.
    public var taps: [TapPair] = .same("features")
    public var contrast = Contrast.bank
    /// Whether negatives are of other classes, as in the published code, instead of any other example.
    public var byClass = true
    /// K, at most one less than there are examples.
    public var negatives = 16384
    /// The width of the embeddings.
    public var dimension = 128
    /// τ
    public var temperature = 0.07
    /// How much of a remembered embedding stays when its item is seen again.
    public var momentum = 0.5

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.requireTaps(taps, atMost: 1)
      try node.require("negatives", negatives, atLeast: 1)
      try node.require("dimension", dimension, atLeast: 1)
      try node.require("temperature", temperature, above: 0)
      try node.require("momentum", momentum, in: 0..<1)
    }
  }

  public let name = "crd"
  private let options: Options
  private var embeddings: (student: Linear, teacher: Linear)?
  private var banks: (student: EmbeddingBank, teacher: EmbeddingBank, negatives: NegativePlaces)?

  public init(_ options: Options = Options()) { self.options = options }

  public var pairs: [TapPair] { options.taps }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    let generator = try random.stream("distillation.crd")
    let shapes = try tapShapes(plan)[0]
    func embedding(_ shape: [Int]) throws -> Linear {
      try Linear(shape.dropFirst().reduce(1, *), options.dimension, generator)
    }
    let (student, teacher) = (try embedding(shapes.student), try embedding(shapes.teacher))
    embeddings = (student, teacher)
    let module = Module()
    module.register("student", student)
    module.register("teacher", teacher)
    guard options.contrast == .bank else { return module }
    let classes = try exampleClasses(plan)
    let negatives = try NegativePlaces(
      classes: classes, count: min(options.negatives, plan.examples - 1),
      random.numbers("distillation.crd"))
    let studentBank = try EmbeddingBank(plan.examples, options.dimension, generator)
    let teacherBank = try EmbeddingBank(plan.examples, options.dimension, generator)
    banks = (studentBank, teacherBank, negatives)
    module.register("student_bank", studentBank)
    module.register("teacher_bank", teacherBank)
    module.register("negatives", negatives)
    return module
  }

  /// The class of each example; every example its own where classes do not matter.
  private func exampleClasses(_ plan: TermPlan) throws -> [Int] {
    guard plan.examples > 1 else {
      throw DistillationError.shapes(
        term: name,
        "a bank needs at least 2 examples, and \(plan.examples) are known; `contrast: batch` needs none")
    }
    guard options.byClass else { return Array(0..<plan.examples) }
    guard plan.targets.count == plan.examples, Set(plan.targets).count > 1 else {
      throw DistillationError.shapes(
        term: name, "the examples are not of two classes or more; `by_class: false` takes any as negatives")
    }
    return plan.targets
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    guard let embeddings, let pair = sight.pairs.first else {
      throw DistillationError.shapes(term: name, "it has not been built for any pair of taps")
    }
    let student = try embeddings.student(pair.student.flatten(from: 1)).unit(1)
    let teacher = try embeddings.teacher(pair.teacher.flatten(from: 1)).unit(1)
    guard let banks else {
      return .items(
        try Self.crossEntropy(
          student: student, teacher: teacher, temperature: options.temperature,
          classes: options.byClass ? sight.targets : nil))
    }
    let rows = try banks.student.rows(of: sight.places)
    return try values(
      student, teacher, rows, index: banks.negatives.draw(rows), valid: (sight.places .>= 0).to(.float32))
  }

  /// - Parameters:
  ///   - rows: of the items in the banks, int64 `[N]`
  ///   - index: the rows of positives and negatives, int64 `[N, 1 + K]`
  ///   - valid: 1 for items with a place among the examples, `[N]`
  func values(_ student: Tensor, _ teacher: Tensor, _ rows: Tensor, index: Tensor, valid: Tensor) throws
    -> TermValues
  {
    guard let banks else { throw DistillationError.shapes(term: name, "it has no banks") }
    let fromStudent = try banks.teacher.contrast(student, index, valid, temperature: options.temperature)
    let fromTeacher = try banks.student.contrast(teacher, index, valid, temperature: options.temperature)
    try banks.student.remember(student, at: rows, momentum: options.momentum)
    try banks.teacher.remember(teacher, at: rows, momentum: options.momentum)
    return .items(try fromStudent + fromTeacher, valid: valid)
  }

  /// Noise-contrastive estimation, `[N]`.
  ///
  /// - Parameters:
  ///   - densities: h of the positive, then of the negatives, `[N, 1 + K]`
  ///   - examples: n
  public static func noiseContrast(_ densities: Tensor, examples: Int) throws -> Tensor {
    let count = densities.shape[1] - 1
    let (noise, epsilon) = (Double(count) / Double(examples), 1e-7)
    let positive = try densities.narrow(dim: 1, start: 0, count: 1)
    let negatives = try densities.narrow(dim: 1, start: 1, count: count)
    let told = try (positive / (positive + (noise + epsilon))).log().sum([1])
    return try -(told + (noise / (negatives + (noise + epsilon))).log().sum([1]))
  }

  /// InfoNCE over the batch in both directions, `[N]`.
  ///
  /// - Parameters:
  ///   - student: embeddings of length 1, `[N, D]`
  ///   - teacher: `[N, D]`
  ///   - classes: int64 `[N]`; others of an item's class are no negatives. Nil: all others are.
  public static func crossEntropy(
    student: Tensor, teacher: Tensor, temperature: Double, classes: Tensor? = nil
  ) throws -> Tensor {
    var similarity = try student.matmul(teacher.T) / temperature
    let positive = try similarity.diagonal()
    if let classes {
      let isSame = try classes.unsqueeze(1) .== classes.unsqueeze(0)
      let isItself = try Tensor.eye(classes.count, device: classes.device) .> 0
      similarity = try similarity.maskedFill(isSame.logicalAnd(isItself.logicalNot()), -Double.infinity)
    }
    return try similarity.logSumExp([1]) + similarity.logSumExp([0]) - positive * 2
  }
}
