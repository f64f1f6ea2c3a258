import Torch

/// Examples of about one length in a batch, so that little of it is filling.
///
/// Each window of some batches of a shuffled epoch is sorted by length and cut into batches, whose order is shuffled again:
/// batches are alike inside, and random among each other.
public struct LengthBuckets: Sendable {
  /// The length of each example.
  public let lengths: [Int]
  /// So many batches are sorted together.
  public let window: Int

  public init(_ lengths: [Int], window: Int) { (self.lengths, self.window) = (lengths, max(window, 1)) }

  /// The places of an epoch in the order of their batches; one that is not full stays last.
  func sort(_ order: Tensor, batch: Int, _ generator: Generator) throws -> Tensor {
    let places = try order.integers()
    var sorted: [Int] = []
    for start in stride(from: 0, to: places.count, by: window * batch) {
      let part = places[start..<min(start + window * batch, places.count)].enumerated().sorted {
        (lengths[$0.element], $0.offset) < (lengths[$1.element], $1.offset)
      }.map(\.element)
      let full = part.count / batch
      for number in try Tensor.permutation(full, generator).integers() {
        sorted += part[number * batch..<(number + 1) * batch]
      }
      sorted += part[(full * batch)...]
    }
    return try Tensor(sorted)
  }
}
