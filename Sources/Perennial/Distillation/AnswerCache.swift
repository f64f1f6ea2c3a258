import Digests
import Foundation
import Torch

/// A teacher's outputs for every view of every example, packed: whole as float32, or the k largest as float16 with their
/// units in as few bytes as they need, and the logarithm of the mass of the rest.
///
/// Of a language model every place of a text has outputs. With k of K units kept, an item, or a token, takes (2 + b) k + 2
/// bytes: b is 1 up to 256 units, 2 up to 32,768, and 4 beyond. All of them take 4 K: for a vocabulary of 32,000 and k = 8,
/// 34 bytes a token in place of 128,000.
/// On disk it is a safetensors file, mapped into memory rather than read; its header tells whose answers these are.
struct AnswerCache {
  /// What answers belong to.
  struct Origin: Codable, Equatable {
    /// SHA-256 of the teacher's parameters, of the examples' identifiers, and of what the model is given for some of them.
    let teacher: String
    let data: String
    let inputs: String
    let examples: Int
    let views: Int
    let outputs: Int
    /// Places of an example that have outputs of their own; nil where it has one.
    let places: Int?
    let top: Int?

    /// How many examples' augmented inputs are compared, from first to last.
    private static let probes = 8

    init(_ teacher: any Teacher, _ examples: Examples, _ learner: Learner, top: Int?) throws {
      self.teacher = try teacher.digest()
      data = try Self.digest(examples.identifiers)
      self.examples = examples.count
      views = learner.options.views ?? 1
      outputs = teacher.outputs
      self.top = top.map { min($0, teacher.outputs) }
      places = learner.objective.tokenPrediction != nil ? examples.targets.shape[1] : nil
      let count = min(Self.probes, examples.count)
      let places = try Tensor((0..<count).map { $0 * examples.count / count })
      let batch = try AnswerCache.batch(places, view: views - 1, examples, learner)
      inputs = try Self.digest(batch.inputs)
    }

    private static func digest(_ tensor: Tensor) throws -> String {
      let bytes = try tensor.to(.cpu).contiguous().data()
      return try Digest(sha256: bytes).hex
    }

    /// Of the columns.
    var shapes: [String: [Int]] {
      let rows = [views * examples] + (places.map { [$0] } ?? [])
      guard let top else { return ["outputs": rows + [outputs]] }
      return ["units": rows + [top], "values": rows + [top], "rest": rows + [1]]
    }

    /// What differs, in words; nil where nothing does.
    func difference(from other: Origin) -> String? {
      if teacher != other.teacher { return "another teacher" }
      if data != other.data { return "other examples" }
      if (views, inputs) != (other.views, other.inputs) { return "other augmentation or normalisation" }
      return self == other ? nil : "another number of outputs"
    }
  }

  private let origin: Origin
  /// float32 `[V·N, …, K]`; or units `[V·N, …, k]`, values float16 `[V·N, …, k]` and log mass of the rest float16
  /// `[V·N, …, 1]`, with the places of a text between, where each has outputs.
  private let columns: [String: Tensor]

  private static let originKey = "origin"

  /// Asks the teacher about everything.
  init(asking teacher: any Teacher, _ examples: Examples, _ learner: Learner, _ origin: Origin) throws {
    self.origin = origin
    var columns: [String: Tensor] = [:]
    for view in 0..<origin.views {
      let chunk = max(256 / (origin.places ?? 1), 1)
      for start in stride(from: 0, to: examples.count, by: chunk) {
        let places = try Tensor.arange(start, min(start + chunk, examples.count))
        let inputs = try Self.batch(places, view: view, examples, learner).inputs
        let part = try Self.packed(teacher.look(inputs, taps: []).outputs.to(.cpu), origin)
        let first = view * examples.count + start
        for (key, values) in part {
          let rows = [origin.views * examples.count] + values.shape.dropFirst()
          let column = try columns[key] ?? .empty(rows, dtype: values.dtype)
          try column.narrow(dim: 0, start: first, count: places.count).copy(from: values)
          columns[key] = column
        }
      }
    }
    self.columns = columns
  }

  /// - Throws: `DistillationError.teacher` for a file that belongs to something else, what reading throws.
  init(contentsOf url: URL, _ origin: Origin, teacher: String) throws {
    let file = try Safetensors.read(url, copying: false)
    func refuse(_ problem: String) -> DistillationError {
      .teacher(teacher, "the answers in \(url.lastPathComponent) \(problem); remove the file to ask again")
    }
    guard let text = file.metadata[Self.originKey],
      let saved = try? JSONDecoder().decode(Origin.self, from: Data(text.utf8))
    else { throw refuse("do not say whose they are") }
    if let difference = saved.difference(from: origin) { throw refuse("belong to \(difference)") }
    guard file.tensors.mapValues(\.shape) == origin.shapes else { throw refuse("are not complete") }
    self.origin = origin
    columns = file.tensors
  }

  /// The file's bytes.
  func encoded() throws -> Data {
    let text = String(decoding: try JSONEncoder().encode(origin), as: UTF8.self)
    return try Safetensors.encode(columns, metadata: [Self.originKey: text])
  }

  /// Bytes that the answers take.
  var byteCount: Int { columns.values.reduce(0) { $0 + $1.byteCount } }

  /// Outputs `[N, K]`, or `[N, L, K]`, for examples at `places` in these views: whole ones as they were, of others log-probabilities in
  /// which the units that were not kept share the rest equally.
  func callAsFunction(_ places: Tensor, views: [Int]?) throws -> Tensor {
    try pieces(places, views: views, .cpu).outputs.whole()
  }

  /// The same, made when they are needed, and where units were not kept; nil where all were.
  func pieces(_ places: Tensor, views: [Int]?, _ device: Device) throws -> (
    outputs: OutputPieces, unkept: OutputPieces?
  ) {
    try noGrad {
      var rows = places
      if origin.views > 1, let views {
        rows = try places + Tensor(views.map { $0 * origin.examples })
      }
      func kept(_ name: String) throws -> Tensor? { try columns[name]?.indexSelect(rows).to(device) }
      if let outputs = try kept("outputs") { return (OutputPieces(whole: outputs), nil) }
      guard let units = try kept("units"), let values = try kept("values"), let rest = try kept("rest"),
        let top = origin.top
      else { throw StateError.missing("the kept answers") }
      let (outputs, others) = (origin.outputs, log(Double(max(origin.outputs - top, 1))))
      let made = OutputPieces(rows: [units, values, rest], shared: []) { rows, _ in
        let share = try rows[2].to(.float32) - others
        return try share.expand(Array(share.shape.dropLast()) + [outputs]).scatter(
          rows[0].to(.int64), rows[1].to(.float32), dim: -1)
      }
      let unkept = OutputPieces(rows: [units], shared: []) { rows, _ in
        try Tensor.full(Array(rows[0].shape.dropLast()) + [outputs], 1, dtype: .bool, device: device)
          .scatter(rows[0].to(.int64), value: 0, dim: -1)
      }
      return (made, top < outputs ? unkept : nil)
    }
  }

  private static func batch(_ places: Tensor, view: Int, _ examples: Examples, _ learner: Learner) throws
    -> Batch
  {
    guard learner.options.views != nil else {
      return try learner.batch(of: examples, places, isAugmented: false)
    }
    return try learner.batch(of: examples, places, views: [Int](repeating: view, count: places.count))
  }

  private static func packed(_ outputs: Tensor, _ origin: Origin) throws -> [String: Tensor] {
    try noGrad {
      guard let top = origin.top else { return ["outputs": try outputs.to(.float32)] }
      let logp = try outputs.to(.float32).logSoftmax()
      let (values, units) = try logp.topK(top)
      let mass = try values.exp().sum([-1], keepDims: true)
      let rest = try (-mass + 1).clamp(min: 1e-7).log()
      return [
        "values": try values.to(.float16), "rest": try rest.to(.float16),
        "units": try units.to(origin.outputs <= 256 ? .uint8 : origin.outputs <= 32768 ? .int16 : .int32),
      ]
    }
  }
}
