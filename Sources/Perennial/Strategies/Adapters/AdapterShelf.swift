import Torch

/// Sets of adapters beside the same layers, one more with each experience; those that are active are heard together.
final class AdapterShelf: Module {
  private(set) var sets: [AdapterSet] = []
  private let configuration: LowRankConfiguration
  private let layers: [(path: String, layer: any AdaptableLayer)]
  private let dropoutMasks: Generator

  init(
    _ configuration: LowRankConfiguration, beside layers: [(path: String, layer: any AdaptableLayer)],
    dropoutMasks: Generator
  ) {
    (self.configuration, self.layers, self.dropoutMasks) = (configuration, layers, dropoutMasks)
    super.init()
  }

  /// Adds sets up to a number; the newest alone learns.
  ///
  /// - Returns: whether there were fewer.
  @discardableResult
  func grow(to count: Int, _ generator: Generator) throws -> Bool {
    guard count > sets.count else { return false }
    while sets.count < count {
      let set = try AdapterSet(configuration, beside: layers, generator, dropoutMasks: dropoutMasks)
      register("\(sets.count)", set)
      sets.append(set)
    }
    for (place, set) in sets.enumerated() { set.freeze { _ in place < count - 1 } }
    return true
  }

  /// Lets these be heard, and no others.
  func activate(_ isActive: (Int) -> Bool) {
    for (place, set) in sets.enumerated() { set.isEnabled = isActive(place) }
  }

  override func fit(_ shapes: [String: [Int]]) throws {
    let places = shapes.keys.compactMap { $0.split(separator: ".").first.flatMap { Int($0) } }
    try grow(to: (places.max() ?? -1) + 1, Generator(seed: 0))
  }
}
