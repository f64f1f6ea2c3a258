import Testing
import Torch

@testable import Perennial

/// A strategy that does nothing but look.
final class Spy: Strategy {
  let name = "spy"
  var look: (Step) throws -> Void
  /// The places of each step's fresh examples.
  var places: [[Int]] = []

  init(_ look: @escaping (Step) throws -> Void = { _ in }) { self.look = look }

  func observe(_ step: Step) throws {
    places.append(try step.batch.places.integers())
    try look(step)
  }
}
