import Torch

/// Transformer distillation, TinyBERT (Jiao et al. 2020, eq. 7 to 9): embeddings, hidden states and attention scores of
/// each layer of the student follow those of the teacher's layer g(m).
///
///     MSE(E_s W_e, E_t) + Σ_m MSE(H_s^m W_h, H_t^{g(m)}) + Σ_m 1/heads Σ_i MSE(A_s^{m,i}, A_t^{g(m),i})
///
/// A are scores before the softmax, 0 where nothing may be seen, as in the authors' code; W_e and W_h are linear maps, the
/// latter of all layers, where widths differ. The means are over all places, filling included. For the last part of the
/// paper, on predictions, list `kd` beside it.
public final class TransformerDistillation: DistillationTerm {
  public static let card = TermCard(
    "tinybert", .feature,
    summary: "Embeddings, hidden states and attention scores follow those of mapped layers.",
    formula: "MSE(E_s W_e, E_t) + Σ_m MSE(H_s^m W_h, H_t^g(m)) + Σ_m MSE(A_s^m, A_t^g(m))",
    paper: "Jiao et al., TinyBERT: Distilling BERT for Natural Language Understanding, 2020"
  ) { TransformerDistillation($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// M and N
    public var studentLayers = 4
    public var teacherLayers = 12
    /// g
    public var mapping = LayerMapping.uniform
    /// What is compared.
    public var embeddings = true
    public var hidden = true
    public var attention = true

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("student_layers", studentLayers, atLeast: 1)
      guard teacherLayers >= studentLayers else {
        throw node.error(
          at: "teacher_layers", "must be at least `student_layers`, \(studentLayers), found \(teacherLayers)")
      }
      guard embeddings || hidden || attention else {
        throw node.error("nothing is compared: leave `embeddings`, `hidden` or `attention` on")
      }
    }
  }

  /// What a pair of taps gives.
  private enum Role: String { case embeddings, hidden, attention }

  public let name = "tinybert"
  public let pairs: [TapPair]
  private let roles: [Role]
  private var maps: [String: Adapter] = [:]

  public init(_ options: Options = Options()) {
    var all: [(pair: TapPair, role: Role)] = []
    if options.embeddings { all.append((TapPair("embeddings", "embeddings"), .embeddings)) }
    let layers = options.mapping(student: options.studentLayers, teacher: options.teacherLayers)
    for (own, other) in layers.enumerated() {
      if options.hidden { all.append((TapPair("layers.\(own)", "layers.\(other - 1)"), .hidden)) }
      if options.attention {
        all.append((TapPair("attentions.\(own).scores", "attentions.\(other - 1).scores"), .attention))
      }
    }
    pairs = all.map(\.pair)
    roles = all.map(\.role)
  }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    let generator = try random.stream("distillation.tinybert")
    let module = Module()
    for (shapes, role) in zip(try tapShapes(plan), roles) {
      switch role {
      case .attention:
        guard shapes.student.count == 4, shapes.student == shapes.teacher else {
          throw shapes.refused(
            "attention is compared head by head, [N, heads, L, L]: set `attention: false` where heads differ")
        }
      case .embeddings, .hidden:
        guard maps[role.rawValue] == nil else { continue }
        let map = try Adapter(shapes, generator)
        maps[role.rawValue] = map
        if !map.parameters.isEmpty { module.register(role.rawValue, map) }
      }
    }
    return module.parameters.isEmpty ? nil : module
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    .items(
      try sum(
        zip(sight.pairs, roles).map { pair, role in
          let own = try maps[role.rawValue]?(pair.student) ?? pair.student
          return try own.asStudent().meanSquaredError(pair.teacher.asTeacher(), reduction: .none).itemMeans()
        }))
  }
}
