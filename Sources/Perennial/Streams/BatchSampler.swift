import Torch

/// The order in which a session goes through its examples: every epoch a new permutation, cut into batches.
///
/// With a number of epochs the last batch of each is as small as it comes; with a number of steps batches run on
/// across the border of epochs, so that every step has a full batch.
public struct BatchSampler {
  public let count: Int
  public let batch: Int
  /// Whether batches stop at the end of an epoch.
  public let stopsAtEpoch: Bool
  /// Whether every epoch goes through the examples as they are, and draws nothing.
  public let keepsOrder: Bool
  /// Puts examples of about one length into a batch; nil where lengths do not matter.
  private let buckets: LengthBuckets?
  private var order: Tensor?
  private var cursor = 0
  private var epochs = 0

  /// - Parameter buckets: of examples that are shuffled.
  public init(
    count: Int, batch: Int, stopsAtEpoch: Bool, keepsOrder: Bool = false, buckets: LengthBuckets? = nil
  ) {
    self.keepsOrder = keepsOrder
    self.buckets = buckets
    self.count = count
    self.batch = batch
    self.stopsAtEpoch = stopsAtEpoch
  }

  /// The places of the next batch, int64 `[≤ batch]`.
  public mutating func next(_ generator: Generator) throws -> Tensor {
    var pieces: [Tensor] = []
    var missing = count > 0 ? batch : 0
    while missing > 0 {
      if order == nil || cursor >= count {
        if stopsAtEpoch, !pieces.isEmpty { break }
        try reorder(generator)
      }
      guard let order else { break }
      let taken = min(missing, count - cursor)
      pieces.append(try order.narrow(dim: 0, start: cursor, count: taken))
      cursor += taken
      missing -= taken
    }
    switch pieces.count {
    case 0: return try Tensor.arange(0, 0)
    case 1: return pieces[0]
    default: return try Tensor.concatenate(pieces)
    }
  }

  private mutating func reorder(_ generator: Generator) throws {
    let shuffled = try keepsOrder ? Tensor.arange(0, count) : Tensor.permutation(count, generator)
    order = keepsOrder ? shuffled : try buckets?.sort(shuffled, batch: batch, generator) ?? shuffled
    cursor = 0
    epochs += 1
  }

  /// How many places have been given out.
  var drawn: Int { max(0, epochs - 1) * count + cursor }

  /// The places of the batch that comes after `ahead` others, without taking it; nil beyond the end of the first
  /// epoch.
  mutating func upcoming(_ ahead: Int, _ generator: Generator) throws -> Tensor? {
    if order == nil, count > 0 { try reorder(generator) }
    let start = cursor + ahead * batch
    guard let order, epochs == 1, start < count else { return nil }
    return try order.narrow(dim: 0, start: start, count: min(batch, count - start))
  }

  /// The places given out since `start` of them had been; all when that was in an earlier epoch: all are known then.
  func places(since start: Int) throws -> Tensor {
    let begun = max(0, epochs - 1) * count
    guard let order, start >= begun else { return try Tensor.arange(0, count) }
    return try order.narrow(dim: 0, start: start - begun, count: max(0, drawn - start))
  }

  func state() throws -> State {
    var state = State()
    state.tensors["order"] = try order?.clone()
    state["cursor"] = cursor
    state["epochs"] = epochs
    return state
  }

  mutating func restore(_ state: State) throws {
    order = state.tensors["order"]
    cursor = try state.require("cursor")
    epochs = state["epochs"] ?? (order == nil ? 0 : 1)
  }
}
