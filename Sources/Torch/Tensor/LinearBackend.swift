import Foundation

/// Which library multiplies the matrices of linear layers on the CPU.
///
/// On processors without a BLAS tuned for them oneDNN can be twice as fast for large layers, and it always
/// loses for small ones; `LinearBackendChoice` decides by measuring.
public enum LinearBackend: String, Sendable, Codable, CaseIterable {
  case blas
  case oneDNN = "onednn"
}

/// Chooses the backend of a linear layer once for each class of shapes, by timing both, and keeps the answer.
///
/// Two backends round differently. So that a run repeats bit for bit, answers are kept in a file of this
/// machine (`$XDG_CACHE_HOME/perennial/`), never measured twice, and `LinearBackendChoice.forced` overrules
/// them.
public final class LinearBackendChoice: @unchecked Sendable {
  /// The choice that all linear layers of this process share.
  public static let shared = LinearBackendChoice()

  /// Overrules measurement; `PERENNIAL_LINEAR=blas|onednn` sets it from outside.
  public var forced: LinearBackend? = ProcessInfo.processInfo.environment["PERENNIAL_LINEAR"]
    .flatMap(LinearBackend.init(rawValue:))

  /// Below this many multiply-adds BLAS wins everywhere we measured, and nothing is timed.
  static let smallest = 1 << 21

  private let lock = NSLock()
  private var answers: [String: LinearBackend]
  private let file: URL?

  init(file: URL? = LinearBackendChoice.defaultFile) {
    self.file = file
    let data = file.flatMap { try? Data(contentsOf: $0) } ?? Data()
    answers = (try? JSONDecoder().decode([String: LinearBackend].self, from: data)) ?? [:]
  }

  static var defaultFile: URL? {
    let environment = ProcessInfo.processInfo.environment
    let cache =
      environment["XDG_CACHE_HOME"].map { URL(fileURLWithPath: $0) }
      ?? environment["HOME"].map { URL(fileURLWithPath: $0).appendingPathComponent(".cache") }
    return cache?.appendingPathComponent("perennial/linear-\(Runtime.version)-\(Runtime.threads).json")
  }

  /// The answers so far, by shape class, for a run's environment record.
  public var decisions: [String: LinearBackend] { lock.withLock { answers } }

  /// Takes the answers with which a run began that is to go on with the same bits, in place of those at hand.
  public func adopt(_ earlier: [String: LinearBackend]) {
    lock.withLock { answers.merge(earlier) { $1 } }
  }

  /// The backend for `rows × inputs → outputs`; a class is the exact layer with rows rounded up to a power of
  /// two.
  public func backend(rows: Int, inputs: Int, outputs: Int) -> LinearBackend {
    if let forced { return forced }
    guard Runtime.hasOneDNN, rows * inputs * outputs >= Self.smallest else { return .blas }
    var roundedRows = 1
    while roundedRows < rows { roundedRows *= 2 }
    let key = "\(roundedRows)x\(inputs)x\(outputs)"
    return lock.withLock {
      if let answer = answers[key] { return answer }
      let answer = (try? Self.measure(rows: roundedRows, inputs: inputs, outputs: outputs)) ?? .blas
      answers[key] = answer
      save()
      return answer
    }
  }

  /// oneDNN when it takes less than 85 % of BLAS's time for one forward and backward pass, best of several.
  static func measure(rows: Int, inputs: Int, outputs: Int) throws -> LinearBackend {
    let generator = try Generator(seed: 0)
    let x = try Tensor.normal([rows, inputs], generator)
    let weight = try Tensor.normal([outputs, inputs], generator)
    try x.setRequiresGrad(true)
    try weight.setRequiresGrad(true)
    func best(_ backend: LinearBackend) throws -> Duration {
      var best = Duration.seconds(3600)
      for _ in 0..<7 {
        let took = try ContinuousClock().measure {
          _ = try withGrad {
            try gradients(of: x.linear(weight, backend: backend).sum(), withRespectTo: [x, weight])
          }
        }
        best = min(best, took)
      }
      return best
    }
    return try best(.oneDNN) < best(.blas) * 0.85 ? .oneDNN : .blas
  }

  private func save() {
    guard let file, let data = try? JSONEncoder().encode(answers) else { return }
    try? FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try? data.write(to: file, options: .atomic)
  }
}

extension Tensor {
  /// x Wᵀ + b as `linear`, by the faster of the two libraries for this shape.
  public func fastestLinear(
    _ weight: Tensor, bias: Tensor? = nil, relu: Bool = false, in precision: DType = .float32
  ) throws -> Tensor {
    guard precision == .float32, weight.dtype == .float32, weight.shape.count == 2 else {
      return try linear(weight, bias: bias, relu: relu, in: precision)
    }
    let shape = weight.shape
    let backend = LinearBackendChoice.shared.backend(
      rows: count / Swift.max(shape[1], 1), inputs: shape[1], outputs: shape[0])
    return try linear(weight, bias: bias, relu: relu, backend: backend)
  }
}
