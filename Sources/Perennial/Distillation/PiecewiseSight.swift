import Torch

/// What an item-wise term sees of a step whose outputs are made piece by piece: no `[items, outputs]` tensor of student or
/// teacher is ever whole, and none is kept for the backward pass.
struct PiecewiseSight {
  /// Of every item that counts.
  let student, teacher: OutputPieces
  /// As ``TeacherSignal/unkept``.
  var unkept: OutputPieces?
  let alignment: Alignment
  /// As ``TermSight/places``.
  let places: Tensor
  let progress: Double
  /// Rows that one piece has, at most: memory grows with it times the number of outputs.
  var chunk = OutputPieces.rowsAtOnce

  /// The mean of a term over all items, as `reduce` takes it of items that it sees at once.
  ///
  /// - Parameter term: with a value for every item; it is asked once a piece.
  func mean(of term: any DistillationTerm, _ reduce: DistillationReducer) throws -> Tensor {
    let (own, others) = (student.rows.count, student.rows.count + teacher.rows.count)
    let weights = student.shared.count
    return try ChunkedLoss.sum(
      rows: student.rows + teacher.rows + [places] + (unkept?.rows ?? []),
      shared: student.shared + teacher.shared,
      chunk: chunk, scale: 1 / Double(max(places.count, 1))
    ) { rows, shared in
      let outputs = try alignment.student(student.make(Array(rows[..<own]), Array(shared[..<weights])))
      let sight = TermSight(
        student: outputs,
        teacher: try alignment.teacher(
          teacher.make(Array(rows[own..<others]), Array(shared[weights...])), beside: outputs,
          unkept: unkept?.make(Array(rows[(others + 1)...]), [])),
        units: alignment.units, places: rows[others], progress: progress)
      return try reduce(term.values(sight)) * Double(sight.student.shape[0])
    }
  }
}

extension OutputPieces {
  /// Outputs that are there already.
  init(whole outputs: Tensor) { self.init(rows: [outputs], shared: []) { rows, _ in rows[0] } }

  /// All of them at once, outside the graph.
  func whole() throws -> Tensor { try noGrad { try make(rows, shared) } }
}

extension CountedTokens {
  /// Of the places that count alone.
  func rows(_ pieces: OutputPieces) throws -> OutputPieces {
    OutputPieces(rows: try pieces.rows.map(rows), shared: pieces.shared, make: pieces.make)
  }
}
