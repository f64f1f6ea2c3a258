/// A small strictly convex quadratic program with a lower bound, in double precision.
enum BoundedQuadraticProgram {
  /// argmin over v ≥ γ of ½ vᵀ (A + ε I) v + bᵀ v, for A symmetric and positive semidefinite.
  ///
  /// The active set method of Lawson & Hanson (1974, ch. 23) for u = v − γ ≥ 0, which ends after finitely many steps.
  ///
  /// - Parameters:
  ///   - matrix: A `[n, n]`, row by row.
  ///   - diagonal: ε > 0.
  static func solve(_ matrix: [Double], _ b: [Double], diagonal: Double, lowerBound: Double) -> [Double] {
    let n = b.count
    func a(_ i: Int, _ j: Int) -> Double {
      (matrix[i * n + j] + matrix[j * n + i]) / 2 + (i == j ? diagonal : 0)
    }
    let c = (0..<n).map { i in (0..<n).reduce(b[i]) { $0 + a(i, $1) * lowerBound } }
    var u = [Double](repeating: 0, count: n)
    var free: Set<Int> = []
    let scale = (c.map(abs).max() ?? 0) * 1e-14
    for _ in 0..<(3 * n + 10) {
      let descent = (0..<n).map { i in -c[i] - free.reduce(0) { $0 + a(i, $1) * u[$1] } }
      guard
        let next = (0..<n).filter({ !free.contains($0) && descent[$0] > scale }).max(by: {
          descent[$0] < descent[$1]
        })
      else { break }
      free.insert(next)
      while !free.isEmpty {
        let order = free.sorted()
        let target = solve(order.map { i in order.map { a(i, $0) } }, order.map { -c[$0] })
        let blocking = zip(order, target).filter { $0.1 <= 0 }
        guard !blocking.isEmpty else {
          for (i, value) in zip(order, target) { u[i] = value }
          break
        }
        let (leaving, step) =
          blocking.map { ($0.0, u[$0.0] > 0 ? u[$0.0] / (u[$0.0] - $0.1) : 0) }.min { $0.1 < $1.1 } ?? (
            next, 0
          )
        for (i, value) in zip(order, target) { u[i] += step * (value - u[i]) }
        u[leaving] = 0
        for i in order where u[i] <= 0 {
          u[i] = 0
          free.remove(i)
        }
      }
    }
    return u.map { $0 + lowerBound }
  }

  /// The solution of a positive definite system, by Cholesky's factors.
  private static func solve(_ matrix: [[Double]], _ right: [Double]) -> [Double] {
    var (factor, x) = (matrix, right)
    let n = right.count
    for i in 0..<n {
      for j in 0...i {
        let sum = (0..<j).reduce(factor[i][j]) { $0 - factor[i][$1] * factor[j][$1] }
        factor[i][j] = i == j ? max(sum, .leastNormalMagnitude).squareRoot() : sum / factor[j][j]
      }
      x[i] = (0..<i).reduce(x[i]) { $0 - factor[i][$1] * x[$1] } / factor[i][i]
    }
    for i in (0..<n).reversed() {
      x[i] = ((i + 1)..<n).reduce(x[i]) { $0 - factor[$1][i] * x[$1] } / factor[i][i]
    }
    return x
  }
}
