import Torch

/// A backbone whose features are another model's: its values at one tap, projected and pooled.
///
/// Until it is built it is the backbone that it was made of.
final class ProjectingBackbone: Module, Backbone {
  /// Where the projected values can be seen, before pooling.
  static let tap = "projected"

  private let inner: any Backbone
  private let options: ReusedClassifier.Options
  private let projected = Tap(ProjectingBackbone.tap)
  private var term: ReusedClassifier?
  private var width: Int?
  /// The height and width that maps are compared at.
  private var size: [Int]?

  init(_ inner: any Backbone, _ options: ReusedClassifier.Options) {
    self.inner = inner
    self.options = options
    super.init()
    register("", inner)
  }

  var isBuilt: Bool { term != nil }
  var featureCount: Int { width ?? inner.featureCount }
  var stages: [Stage] { inner.stages }
  var taps: [Tap] { inner.taps + [projected] }

  /// Makes the projector for values of these shapes, `[N, D]` or `[N, C, H, W]`.
  func build(_ shapes: TermPlan.Shapes, _ random: RandomStreams) throws {
    let term = ReusedClassifier(options)
    guard let projector = try term.build(TermPlan(shapes: [shapes], outputs: 1), random) else { return }
    register("projector", projector)
    if shapes.teacher.count == 4 {
      let size = (2...3).map { min(shapes.student[$0], shapes.teacher[$0]) }
      self.size = size
      // A checkpoint tells shapes before values: the shape of this buffer is what it has to say.
      register("projector_size", Parameter(try Tensor.zeros(size, dtype: .uint8), kind: .buffer))
    }
    width = shapes.teacher[1]
    self.term = term
  }

  func callAsFunction(_ input: Tensor) throws -> Tensor {
    guard let term, let tap = options.taps.first?.student else { return try inner(input) }
    let (features, seen) = try inner.recording(taps: tap == "features" ? [] : [tap]) { try inner(input) }
    guard let value = tap == "features" ? features : seen[tap] else { throw TapError.silent(tap) }
    let own = projected(try term.projected(value))
    return own.rank == 4 ? try own.mean([2, 3]) : own
  }

  /// ‖P(F_s) − F_t‖² / D of each item `[N]`.
  func distances(_ projected: Tensor, to teacher: Tensor) throws -> Tensor {
    let teacher = try size.map { try Adapter.resized(teacher, to: $0) } ?? teacher
    return try projected.meanSquaredError(teacher, reduction: .none).itemMeans()
  }

  /// Builds the projector that a checkpoint has.
  override func fit(_ shapes: [String: [Int]]) throws {
    guard !isBuilt, let first = shapes["projector.0.weight"] else { return }
    let random = RandomStreams(seed: 0)
    if let size = shapes["projector_size"], let last = shapes["projector.6.weight"], first.count == 4 {
      try build(.init(student: [1, first[1]] + size, teacher: [1, last[0]] + size), random)
    } else if first.count == 2 {
      try build(.init(student: [1, first[1]], teacher: [1, first[0]]), random)
    }
  }
}

/// A linear classifier that can become another model's.
final class AdoptedHead: Module, Head {
  private let rows: LinearHead

  init(features: Int, _ generator: Generator) throws {
    rows = try LinearHead(features: features, generator)
    super.init()
    register("", rows)
  }

  var outputs: Int { rows.outputs }

  func grow(to outputs: Int, _ generator: Generator) throws { try rows.grow(to: outputs, generator) }

  func callAsFunction(_ features: Tensor) throws -> Tensor { try rows(features) }

  /// Takes over `[K, D]` and `[K]`, whatever the width was.
  func adopt(_ weight: Tensor, _ bias: Tensor) throws {
    rows.weight.replace(with: try weight.detach().clone())
    rows.bias.replace(with: try bias.detach().clone())
  }

  override func fit(_ shapes: [String: [Int]]) throws {
    guard let weight = shapes["weight"], let bias = shapes["bias"], weight != rows.weight.value.shape else {
      return
    }
    try adopt(Tensor.zeros(weight), Tensor.zeros(bias))
  }
}
