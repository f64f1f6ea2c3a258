import Torch

/// One embedding of length 1 for each example, as it was when its item was last seen (Wu et al. 2018).
final class EmbeddingBank: Module {
  /// `[n + 1, D]`; the last row takes what belongs to no example.
  private let embeddings: Parameter
  /// Z, `[]`; 0 before the first batch.
  private let constant: Parameter
  private let examples: Int

  /// Random at the start, uniform with unit expected length.
  init(_ examples: Int, _ dimension: Int, _ generator: Generator) throws {
    let bound = (3 / Double(dimension)).squareRoot()
    self.examples = examples
    embeddings = Parameter(
      try Initializer.uniform([examples + 1, dimension], -bound, bound, generator), kind: .buffer)
    constant = Parameter(try Tensor.zeros([]), kind: .buffer)
    super.init()
    register("embeddings", embeddings)
    register("constant", constant)
  }

  /// The rows of places int64 `[N]`; −1 has the last.
  func rows(of places: Tensor) throws -> Tensor {
    try Tensor.choose(places .< 0, Tensor.full([], examples, dtype: .int64, device: places.device), places)
  }

  /// How well queries `[N, D]` are told from noise, `[N]`: the first of the rows that `index` `[N, 1 + K]` names is right.
  ///
  /// All similarities are one matrix product, of which `index` picks: `[N, n]` numbers instead of `[N, K, D]`. The bank
  /// changes in place before the loss is differentiated, so the slope for the queries is taken here, where it is whole.
  func contrast(_ queries: Tensor, _ index: Tensor, _ valid: Tensor, temperature: Double) throws -> Tensor {
    let leaf = try queries.detach()
    try leaf.setRequiresGrad(true)
    let (values, slope) = try withGrad {
      let similarity = try leaf.matmul(embeddings.value.T).gather(index, dim: 1)
      let exponentials = try (similarity / temperature).exp()
      let densities = try exponentials / scale(exponentials.detach(), valid)
      let values = try ContrastiveRepresentation.noiseContrast(densities, examples: examples)
      return (try values.detach(), try gradients(of: values.sum(), withRespectTo: [leaf])[0])
    }
    return try values + ((queries - queries.detach()) * slope).sum([1])
  }

  /// Z: n times the mean over the valid items of the first batch that has any.
  private func scale(_ exponentials: Tensor, _ valid: Tensor) throws -> Tensor {
    try noGrad {
      let mean = try (exponentials.mean([1]) * valid).sum() / valid.sum().clamp(min: 1)
      let known = try Tensor.choose(constant.value .> 0, constant.value, mean * Double(examples))
      if isTraining { try constant.value.copy(from: known) }
      return try Tensor.choose(known .> 0, known, known.onesLike())
    }
  }

  /// Moves remembered embeddings towards new ones `[N, D]`, and back to length 1.
  func remember(_ new: Tensor, at rows: Tensor, momentum: Double) throws {
    guard isTraining else { return }
    try noGrad {
      let mixed = try embeddings.value.indexSelect(rows) * momentum + new.detach() * (1 - momentum)
      try embeddings.value.indexCopy(rows, from: mixed.unit(1))
    }
  }
}

/// Draws other examples for each item, of other classes, on the device of the banks.
final class NegativePlaces: Module {
  /// The examples sorted by class, int64 `[n]`.
  private let order: Parameter
  /// For each row of a bank where its class begins in that order and how many are of it, int64 `[n + 1]`.
  private let start: Parameter
  private let size: Parameter
  private let count: Int
  private let numbers: NumberStream

  /// - Parameters:
  ///   - classes: of the examples
  ///   - count: K
  ///   - numbers: gives the seed of each draw, so that its state is all that a resumed run needs.
  init(classes: [Int], count: Int, _ numbers: NumberStream) throws {
    let sorted = classes.indices.sorted { (classes[$0], $0) < (classes[$1], $1) }
    var (starts, sizes): ([Int: Int], [Int: Int]) = ([:], [:])
    for (rank, example) in sorted.enumerated() {
      if starts[classes[example]] == nil { starts[classes[example]] = rank }
      sizes[classes[example], default: 0] += 1
    }
    order = Parameter(try Tensor(sorted), kind: .buffer)
    // What belongs to no example may have any negatives.
    start = Parameter(try Tensor(classes.map { starts[$0, default: 0] } + [0]), kind: .buffer)
    size = Parameter(try Tensor(classes.map { sizes[$0, default: 0] } + [0]), kind: .buffer)
    self.count = count
    self.numbers = numbers
    super.init()
    register("order", order)
    register("start", start)
    register("size", size)
  }

  /// The rows int64 `[N]`, each followed by K uniform draws, with replacement, from the examples of other classes:
  /// int64 `[N, 1 + K]`.
  func draw(_ rows: Tensor) throws -> Tensor {
    try noGrad {
      let generator = try Generator(seed: numbers.next(), device: rows.device)
      let start = try start.value.indexSelect(rows).unsqueeze(1)
      let size = try size.value.indexSelect(rows).unsqueeze(1)
      let others = try order.value.shape[0] - size
      let uniform = try Tensor.uniform(
        [rows.count, count], generator, dtype: .float64, device: rows.device)
      let rank = try (uniform * others).floor().to(.int64).minimum(others - 1)
      // The ranks of the item's own class are passed over.
      let place = try order.value.indexSelect((rank + (rank .>= start).to(.int64) * size).flatten())
      return try Tensor.concatenate([rows.unsqueeze(1), place.reshape([rows.count, count])], dim: 1)
    }
  }
}
