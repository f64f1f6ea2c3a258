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
  private var order: Tensor?
  private var cursor = 0

  public init(count: Int, batch: Int, stopsAtEpoch: Bool) {
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
        order = try Tensor.permutation(count, generator)
        cursor = 0
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

  func state() throws -> State {
    var state = State()
    state.tensors["order"] = try order?.clone()
    state["cursor"] = cursor
    return state
  }

  mutating func restore(_ state: State) throws {
    order = state.tensors["order"]
    cursor = try state.require("cursor")
  }
}
