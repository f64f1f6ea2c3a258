import Foundation
import Torch

/// A number that changes while an experience is learned: `4`, or `{from: 1, to: 4, until: 0.5, shape: cosine}`.
public struct Ramp: Equatable, Sendable {
  /// How the number goes from one end to the other.
  public enum Shape: String, Codable, CaseIterable, Sendable {
    case linear
    /// Half a cosine: slow at both ends.
    case cosine
  }

  /// The number at the beginning, and at the end.
  public var from: Double
  public var to: Double
  /// The share of the experience after which `to` is reached, in (0, 1].
  public var until: Double
  public var shape: Shape

  public init(from: Double, to: Double, until: Double = 1, shape: Shape = .linear) {
    (self.from, self.to, self.until, self.shape) = (from, to, until, shape)
  }

  /// The same all the time.
  public init(_ value: Double) { self.init(from: value, to: value) }

  /// - Parameter progress: how much of the experience is learned, from 0 to 1.
  public func callAsFunction(_ progress: Double) -> Double {
    guard from != to else { return to }
    let share = min(max(progress / until, 0), 1)
    return from + (to - from) * (shape == .linear ? share : (1 - cos(.pi * share)) / 2)
  }

  /// The smallest and the largest number that it takes.
  public var least: Double { min(from, to) }
  public var most: Double { max(from, to) }
}

extension Ramp: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
  public init(floatLiteral value: Double) { self.init(value) }
  public init(integerLiteral value: Int) { self.init(Double(value)) }
}

extension Ramp: Codable {
  private struct Ends: Configurable {
    var from = 0.0
    var to = 1.0
    var until = 1.0
    var shape = Shape.linear

    func validate(at node: ConfigurationNode) throws {
      try node.require("until", until, above: 0)
      try node.require("until", until, in: 0...1)
    }
  }

  /// Reads a number or a map of `from`, `to`, `until` and `shape`.
  public init(from decoder: any Decoder) throws {
    let node = try ConfigurationNode(from: decoder)
    guard node.entries != nil else {
      self.init(try node.decode(Double.self))
      return
    }
    let ends = try node.decode(Ends.self)
    self.init(from: ends.from, to: ends.to, until: ends.until, shape: ends.shape)
  }

  public func encode(to encoder: any Encoder) throws {
    guard from != to else {
      var container = encoder.singleValueContainer()
      return try container.encode(to)
    }
    try Ends(from: from, to: to, until: until, shape: shape).encode(to: encoder)
  }
}

extension ConfigurationNode {
  /// Throws unless every value that a ramp takes is above a bound.
  public func require(_ key: String, _ ramp: Ramp, above bound: Double) throws {
    try require(key, ramp.least, above: bound)
  }

  /// Throws unless every value that a ramp takes is at least a bound.
  public func require(_ key: String, _ ramp: Ramp, atLeast bound: Double) throws {
    try require(key, ramp.least, atLeast: bound)
  }
}
