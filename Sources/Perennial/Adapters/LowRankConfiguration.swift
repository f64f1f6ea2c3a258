import Foundation

/// What low-rank adapters of one name have in common, as PEFT's `adapter_config.json` says it.
public struct LowRankConfiguration: Equatable, Sendable {
  /// The layers that get an adapter.
  public enum Targets: Equatable, Sendable {
    /// Those whose path is one of these, or ends with one behind a dot.
    case named([String])
    /// Those whose whole path matches a regular expression.
    case matching(String)
    /// Every linear layer but those that give outputs.
    case allLinear
  }

  /// r
  public var rank = 8
  /// α
  public var alpha = 8.0
  /// The share of the inputs left out in training.
  public var dropout = 0.0
  public var targets = Targets.allLinear
  /// Whether outputs are scaled by α / √r rather than α / r.
  public var isRankStabilized = false
  /// Whether lengths are learned apart from directions (DoRA).
  public var hasMagnitude = false
  /// Another r or α for layers whose path ends with a pattern.
  public var rankPattern: [String: Int] = [:]
  public var alphaPattern: [String: Double] = [:]
  /// Only layers of blocks with these numbers, the first number in a path; all when nil.
  public var blocks: [Int]?
  /// Other parts of the model that are saved with the adapter, by path or its end: heads.
  public var modulesToSave: [String] = []
  /// Where the model comes from that the adapter belongs to.
  public var baseModel: String?
  public var taskType: String?

  public init() {}

  /// r of the layer at a path.
  func rank(at path: String) -> Int { Self.value(rankPattern, at: path) ?? rank }

  /// s of the layer at a path.
  func scale(at path: String) -> Double {
    let rank = Double(rank(at: path))
    return (Self.value(alphaPattern, at: path) ?? alpha) / (isRankStabilized ? rank.squareRoot() : rank)
  }

  /// Whether the layer at a path gets an adapter.
  ///
  /// - Throws: `AdapterError.pattern` for a regular expression that is none.
  func adapts(_ path: String, isHead: Bool) throws -> Bool {
    if let blocks, Self.block(of: path).map(blocks.contains) != true { return false }
    switch targets {
    case .allLinear: return !isHead
    case .named(let names): return names.contains { Self.ends(path, with: $0) }
    case .matching(let pattern): return try Self.matches(path, "(?:\(pattern))")
    }
  }

  static func ends(_ path: String, with name: String) -> Bool { path == name || path.hasSuffix("." + name) }

  private static func block(of path: String) -> Int? {
    path.split(separator: ".").lazy.compactMap { Int($0) }.first
  }

  private static func value<Value>(_ pattern: [String: Value], at path: String) -> Value? {
    pattern.sorted { $0.key < $1.key }.first { entry in
      ends(path, with: entry.key) || (try? matches(path, "(?:.*\\.)?(?:\(entry.key))")) == true
    }?.value
  }

  private static func matches(_ path: String, _ pattern: String) throws -> Bool {
    do {
      let expression = try NSRegularExpression(pattern: "^\(pattern)$")
      return expression.firstMatch(in: path, range: NSRange(path.startIndex..., in: path)) != nil
    } catch {
      throw AdapterError.pattern(pattern)
    }
  }
}

/// Why adapters do not fit a model, or each other.
public enum AdapterError: Error, CustomStringConvertible, Equatable {
  /// No layer of the model is meant, with those that there are.
  case noTargets(LowRankConfiguration.Targets, known: [String])
  case pattern(String)
  /// Another adapter of the model has this name.
  case twice(String)
  /// A file, and what is wrong with it.
  case file(String, String)
  /// Adapters that cannot be merged, and why.
  case merge(String)

  public var description: String {
    switch self {
    case .noTargets(let targets, let known):
      "no layer of the model is meant by \(Self.text(targets)); it has \(known.joined(separator: ", "))"
    case .pattern(let pattern): "`\(pattern)` is no regular expression"
    case .twice(let name): "the model has an adapter called `\(name)` already"
    case .file(let file, let problem): "\(file): \(problem)"
    case .merge(let problem): "the adapters cannot be merged: \(problem)"
    }
  }

  private static func text(_ targets: LowRankConfiguration.Targets) -> String {
    switch targets {
    case .named(let names): names.map { "`\($0)`" }.joined(separator: ", ")
    case .matching(let pattern): "`\(pattern)`"
    case .allLinear: "all linear layers"
    }
  }
}
