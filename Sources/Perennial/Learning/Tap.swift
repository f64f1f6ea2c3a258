import Torch

/// A named place inside a model whose value others may look at: the map behind a stage, the units before an activation.
///
/// A model declares its taps and calls them in its forward pass. They keep nothing unless somebody listens, so they
/// cost nothing, and each belongs to one model, so that several can be listened to at once.
public final class Tap {
  public let name: String
  private var heard: [Tensor?] = []

  public init(_ name: String) { self.name = name }

  /// Lets a value pass, and those who listen see it.
  public func callAsFunction(_ value: Tensor) -> Tensor {
    for index in heard.indices { heard[index] = value }
    return value
  }

  /// Whether somebody waits for the next value; a value that is made for listeners alone need not be made without.
  public var isHeard: Bool { !heard.isEmpty }

  fileprivate func open() { heard.append(nil) }
  fileprivate func close() -> Tensor? { heard.popLast() ?? nil }
}

extension Network {
  /// The names that `recording` knows: the backbone's taps, `features` and `outputs`.
  public var tapNames: [String] { backbone.taps.map(\.name) + ["features", "outputs"] }

  /// Runs `body`, which makes one forward pass, and gives what the taps of these names saw.
  ///
  /// `features` and `outputs`, which every forward pass gives, are no taps and passed over.
  ///
  /// - Throws: `TapError` for a name that the model does not have, or a tap that the pass did not come by.
  public func recording<Result>(taps names: [String], _ body: () throws -> Result) throws -> (
    result: Result, taps: [String: Tensor]
  ) {
    try backbone.recording(taps: names, body)
  }

  /// What the model makes of inputs `[N, …]`: outputs, features and the values at these taps.
  ///
  /// - Parameter inPieces: leaves outputs to be made piece by piece, where the head can.
  public func look(_ inputs: Tensor, taps: [String] = [], inPieces: Bool = false) throws -> Look {
    let (values, seen) = try recording(taps: taps) {
      let features = try features(inputs)
      let pieces = try inPieces && features.rank == 3 ? pieces(features) : nil
      let outputs = try pieces == nil ? head(features) : Tensor.zeros([0])
      return (features: features, pieces: pieces, outputs: outputs)
    }
    return Look(features: values.features, outputs: values.outputs, taps: seen, pieces: values.pieces)
  }

  /// Outputs of features `[N, L, D]` to be made piece by piece; nil where the head cannot.
  func pieces(_ features: Tensor) throws -> OutputPieces? {
    try (head as? any PiecewiseHead)?.pieces(features)
  }
}

extension Backbone {
  /// Runs `body`, which makes one forward pass, and gives what the taps of these names saw.
  func recording<Result>(taps names: [String], _ body: () throws -> Result) throws -> (
    result: Result, taps: [String: Tensor]
  ) {
    let always = ["features", "outputs"]
    return try taps.recording(names.filter { !always.contains($0) }, others: always, body)
  }
}

extension Collection<Tap> {
  /// Runs `body`, which makes one forward pass, and gives what the taps of these names saw.
  ///
  /// - Parameter others: names that an error lists too.
  /// - Throws: `TapError` for a name that is not here, or a tap that the pass did not come by.
  public func recording<Result>(
    _ names: [String], others: [String] = [], _ body: () throws -> Result
  ) throws -> (result: Result, taps: [String: Tensor]) {
    let wanted = Set(names)
    guard !wanted.isEmpty else { return (try body(), [:]) }
    let taps = filter { wanted.contains($0.name) }
    if let missing = wanted.subtracting(taps.map(\.name)).min() {
      throw TapError.unknown(missing, known: map(\.name) + others)
    }
    for tap in taps { tap.open() }
    let result = Swift.Result { try body() }
    let heard = taps.map { ($0.name, $0.close()) }
    let value = try result.get()
    return (
      value,
      try Dictionary(
        uniqueKeysWithValues: heard.map { name, tensor in
          guard let tensor else { throw TapError.silent(name) }
          return (name, tensor)
        })
    )
  }
}

/// What a model made of a batch.
public struct Look {
  /// `[N, D]`
  public var features: Tensor
  /// `[N, K]`; empty where they are left to be made piece by piece.
  public var outputs: Tensor
  /// Outputs that are not there at once; nil where they are.
  public var pieces: OutputPieces?
  /// The other values that were asked for, by the name of their tap.
  public var taps: [String: Tensor]

  public init(
    features: Tensor, outputs: Tensor, taps: [String: Tensor] = [:], pieces: OutputPieces? = nil
  ) {
    (self.features, self.outputs, self.taps, self.pieces) = (features, outputs, taps, pieces)
  }

  /// The value at a tap, `features` and `outputs` included.
  ///
  /// - Throws: `TapError.silent` for a tap that was not asked for.
  public func value(_ tap: String) throws -> Tensor {
    switch tap {
    case "features": return features
    case "outputs": return outputs
    default:
      guard let value = taps[tap] else { throw TapError.silent(tap) }
      return value
    }
  }
}

/// Why there is nothing to see at a tap.
public enum TapError: Error, CustomStringConvertible, Equatable {
  case unknown(String, known: [String])
  case silent(String)

  public var description: String {
    switch self {
    case .unknown(let name, let known):
      "the model has no tap `\(name)`; it has \(known.map { "`\($0)`" }.joined(separator: ", "))"
    case .silent(let name): "nothing came by the tap `\(name)` in this forward pass"
    }
  }
}
