import Torch

/// Token ids `[N, L]`, and which of them belong together.
public struct TokenBatch {
  /// int64 `[N, L]`
  public let ids: Tensor
  /// Where tokens are, bool `[N, L]`; nil: everywhere.
  public let mask: Tensor?
  /// The number of the sequence that each token belongs to, int64 `[N, L]`, for rows of several; nil: a row is one.
  public let segments: Tensor?
  /// Whether the padding comes after the tokens in every row, so that a causal model never sees it.
  let isRightPadded: Bool

  /// The side of a row that is filled up.
  public enum Side: String, Sendable { case left, right }

  /// - Parameter mask: true where a token is.
  /// - Throws: `TorchError` (`shape`, `dtype`) unless all are `[N, L]`, ids int64 and the mask boolean.
  public init(_ ids: Tensor, mask: Tensor? = nil, segments: Tensor? = nil) throws {
    guard ids.rank == 2, mask.map({ $0.shape == ids.shape }) ?? true,
      segments.map({ $0.shape == ids.shape }) ?? true
    else {
      throw TorchError(
        .shape,
        "token ids, mask and segments are [N, L], not \(ids.shape), \(mask?.shape ?? ids.shape), "
          + "\(segments?.shape ?? ids.shape)")
    }
    guard ids.dtype == .int64, mask.map({ $0.dtype == .bool }) ?? true else {
      throw TorchError(
        .dtype, "token ids are int64 and a mask bool, not \(ids.dtype), \(mask?.dtype ?? .bool)")
    }
    self.ids = ids
    self.segments = segments
    let isFull = try mask.map { try $0.all().item() != 0 } ?? true
    self.mask = isFull ? nil : mask
    isRightPadded = try isFull || mask.map(Self.isFalling) ?? true
  }

  /// - Parameter padding: The id that fills up rows; nil: none does.
  public init(_ ids: Tensor, padding: Int?) throws {
    try self.init(ids, mask: padding.map { try ids .!= $0 })
  }

  /// Sequences of different lengths as rows of one.
  public init(_ sequences: [[Int]], padding: Int, side: Side = .right) throws {
    let length = sequences.map(\.count).max() ?? 0
    var ids: [Int] = []
    var mask: [Bool] = []
    for sequence in sequences {
      let fill = length - sequence.count
      let (pads, gaps) = ([Int](repeating: padding, count: fill), [Bool](repeating: false, count: fill))
      let places = [Bool](repeating: true, count: sequence.count)
      ids += side == .left ? pads + sequence : sequence + pads
      mask += side == .left ? gaps + places : places + gaps
    }
    let shape = [sequences.count, length]
    try self.init(Tensor(ids, shape: shape), mask: Tensor(mask, shape: shape))
  }

  /// Rows of several sequences each, filled up at the right; no sequence sees another.
  public init(packed rows: [[[Int]]], padding: Int) throws {
    let length = rows.map { $0.reduce(0) { $0 + $1.count } }.max() ?? 0
    var ids: [Int] = []
    var mask: [Bool] = []
    var segments: [Int] = []
    for row in rows {
      let tokens = row.reduce(0) { $0 + $1.count }
      let fill = length - tokens
      ids += row.flatMap { $0 } + [Int](repeating: padding, count: fill)
      mask += [Bool](repeating: true, count: tokens) + [Bool](repeating: false, count: fill)
      segments += row.enumerated().flatMap { [Int](repeating: $0.offset, count: $0.element.count) }
      segments += [Int](repeating: row.count, count: fill)
    }
    let shape = [rows.count, length]
    try self.init(
      Tensor(ids, shape: shape), mask: Tensor(mask, shape: shape), segments: Tensor(segments, shape: shape))
  }

  /// N and L.
  public var rows: Int { ids.shape[0] }
  public var length: Int { ids.shape[1] }

  /// Whether no row goes from false to true.
  private static func isFalling(_ mask: Tensor) throws -> Bool {
    let length = mask.shape[1]
    guard length > 1 else { return false }
    let before = try mask.narrow(dim: 1, start: 0, count: length - 1)
    let after = try mask.narrow(dim: 1, start: 1, count: length - 1)
    return try after.logicalAnd(before.logicalNot()).any().item() == 0
  }

  /// Which places belong to the same sequence, bool `[N, L, L]`, where the rows hold several or gaps.
  private func together() throws -> Tensor? {
    let same = try segments.map { try $0.unsqueeze(2) .== $0.unsqueeze(1) }
    let seen = try mask?.unsqueeze(1)
    guard let same else { return seen }
    return try seen.map { try same.logicalAnd($0) } ?? same
  }

  /// The place of each token in its own sequence, int64 `[N, L]`, padding not counted; nil where it is the column.
  func positions() throws -> Tensor? {
    guard segments != nil || !isRightPadded else { return nil }
    guard let together = try together() else { return nil }
    let square = try together.to(.int64).expand([rows, length, length])
    return try square.lowerTriangle(-1).sum([2])
  }

  /// What attention may look at.
  func pattern(isCausal: Bool) throws -> AttentionPattern {
    if segments == nil, isCausal ? isRightPadded : mask == nil {
      return AttentionPattern(bias: nil, isCausal: isCausal)
    }
    guard var allowed = try together() else { return AttentionPattern(bias: nil, isCausal: isCausal) }
    if isCausal {
      let past = try Tensor.ones([length, length], dtype: .bool, device: ids.device).lowerTriangle()
      allowed = try allowed.logicalAnd(past)
    }
    return AttentionPattern(bias: try AttentionPattern.bias(allowed.unsqueeze(1)), isCausal: false)
  }
}
