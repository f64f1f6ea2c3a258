import Torch

/// Rows of a table that grow at the end in a time that does not depend on how many there are, and leave from anywhere.
///
/// The parameter's value is the rows in use; behind them there is room for more.
struct GrowingColumn {
  let parameter: Parameter
  private var room: Tensor
  /// The value that was put into the parameter last: another one there has come from outside.
  private var view: Tensor

  init(width: [Int], dtype: DType = .float32) throws {
    room = try Tensor.zeros([0] + width, dtype: dtype)
    view = room
    parameter = Parameter(room, kind: .buffer)
  }

  var rows: Tensor { parameter.value }
  var count: Int { rows.shape[0] }

  /// Room for so many rows in place of those that are there, unset.
  func resize(to count: Int) throws {
    let rows = self.rows
    parameter.replace(
      with: try Tensor.zeros([count] + rows.shape.dropFirst(), dtype: rows.dtype, device: rows.device))
  }

  /// Puts rows behind the others.
  mutating func append(_ new: Tensor) throws {
    let (old, added) = (count, new.shape[0])
    if rows !== view || room.shape[0] < old + added {
      let larger = try Tensor.empty(
        [max(2 * old, old + added)] + rows.shape.dropFirst(), dtype: rows.dtype, device: rows.device)
      if old > 0 { try larger[0..<old].copy(from: rows) }
      room = larger
    }
    try room[old..<(old + added)].copy(from: new)
    try use(old + added)
  }

  /// Rows from the end take the places of others, and the end is given up.
  ///
  /// - Parameters:
  ///   - moved: from where and to where.
  ///   - count: the rows that stay.
  mutating func close(_ moved: [(from: Int, to: Int)], count: Int) throws {
    if rows !== view { room = try rows.clone() }
    if !moved.isEmpty {
      let device = try room.device
      let from = try Tensor(moved.map(\.from)).to(device)
      try room.indexCopy(Tensor(moved.map(\.to)).to(device), from: room.indexSelect(from))
    }
    // What left is not kept.
    if count < self.count { try room[count..<self.count].zero() }
    try use(count)
  }

  private mutating func use(_ count: Int) throws {
    view = try room[0..<count]
    parameter.replace(with: view)
  }
}
