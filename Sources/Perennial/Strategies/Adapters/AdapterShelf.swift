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

  /// Adds sets up to a number; these learn, the newest alone where none are named.
  ///
  /// - Returns: whether there were fewer, or others learned.
  @discardableResult
  func grow(to count: Int, learning: [Int]? = nil, _ generator: Generator) throws -> Bool {
    let (before, learning) = (sets.count, learning ?? [count - 1])
    while sets.count < count { sets.append(try make(sets.count, generator)) }
    let isAnother = sets.indices.contains {
      sets[$0].trainableParameters.isEmpty == learning.contains($0)
    }
    guard sets.count > before || isAnother else { return false }
    for (place, set) in sets.enumerated() { set.freeze { _ in !learning.contains(place) } }
    return true
  }

  /// Puts fresh sets in the place of these; of all, the newest alone learns.
  func renew(_ places: Set<Int>, _ generator: Generator) throws {
    for place in places.sorted() {
      let old = sets[place]
      for one in old.places { one.layer.adapters.removeAll { $0 === one.adapter } }
      unregister(old)
      sets[place] = try make(place, generator)
    }
    for (place, set) in sets.enumerated() { set.freeze { _ in place != sets.count - 1 } }
  }

  private func make(_ place: Int, _ generator: Generator) throws -> AdapterSet {
    let set = try AdapterSet(configuration, beside: layers, generator, dropoutMasks: dropoutMasks)
    register("\(place)", set)
    return set
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
