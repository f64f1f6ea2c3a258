import Foundation
import Torch

/// Everything needed to go on exactly: named tensors and small named values.
///
/// Parts keep to a name space of their own: `state["optimizer"] = …` with ``set(_:under:)`` and ``scoped(_:)``.
public struct State {
  public var tensors: [String: Tensor] = [:]
  /// Small values as JSON.
  public var values: [String: String] = [:]

  public init() {}

  public init(tensors: [String: Tensor], values: [String: String] = [:]) {
    self.tensors = tensors
    self.values = values
  }

  /// A small value; nil where there is none of this type.
  public subscript<Value: Codable>(_ name: String) -> Value? {
    get { values[name].flatMap { try? JSONDecoder().decode(Value.self, from: Data($0.utf8)) } }
    set {
      let encoder = JSONEncoder()
      // The same value is the same text, so that equal states are equal files.
      encoder.outputFormatting = .sortedKeys
      values[name] = newValue.flatMap { try? encoder.encode($0) }.map {
        String(decoding: $0, as: UTF8.self)
      }
    }
  }

  /// A small value that must be there.
  public func require<Value: Codable>(_ name: String) throws -> Value {
    guard let value: Value = self[name] else { throw StateError.missing(name) }
    return value
  }

  /// A tensor that must be there.
  public func requireTensor(_ name: String) throws -> Tensor {
    guard let tensor = tensors[name] else { throw StateError.missing(name) }
    return tensor
  }

  /// The part below a name.
  public func scoped(_ name: String) -> State {
    let prefix = name + "/"
    func below<Value>(_ all: [String: Value]) -> [String: Value] {
      Dictionary(
        uniqueKeysWithValues: all.filter { $0.key.hasPrefix(prefix) }.map {
          (String($0.key.dropFirst(prefix.count)), $0.value)
        })
    }
    return State(tensors: below(tensors), values: below(values))
  }

  /// The same state with tensors of its own, that nothing which goes on can change.
  public func copied() throws -> State {
    try noGrad { State(tensors: try tensors.mapValues { try $0.detach().clone() }, values: values) }
  }

  /// Puts a part below a name.
  public mutating func set(_ part: State, under name: String) {
    for (key, tensor) in part.tensors { tensors["\(name)/\(key)"] = tensor }
    for (key, value) in part.values { values["\(name)/\(key)"] = value }
  }
}

/// Why a saved state cannot be gone on from.
public enum StateError: Error, CustomStringConvertible, Equatable {
  case missing(String)
  case strategies(saved: [String], now: [String])

  public var description: String {
    switch self {
    case .missing(let name): "the saved state has no \(name): it was written by another program or recipe"
    case .strategies(let saved, let now):
      "the saved state is of the strategies \(saved.joined(separator: ", ")), not \(now.joined(separator: ", "))"
    }
  }
}
