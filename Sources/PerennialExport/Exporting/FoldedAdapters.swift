import Perennial
import Torch

extension Network {
  /// The low-rank adapters inside, with their paths.
  var adapterSets: [(path: String, set: AdapterSet)] {
    namedModules.compactMap { path, module in (module as? AdapterSet).map { (path, $0) } }
  }

  /// Runs `body` while low-rank adapters that are heard are part of their layers' weights: code that loads weights knows no
  /// adapters.
  ///
  /// - Throws: ``ExportError`` for what cannot be part of a weight.
  func folded<Result>(_ body: () throws -> Result) throws -> Result {
    for case (let path, let bottleneck as BottleneckAdapter) in namedModules where bottleneck.isEnabled {
      throw ExportError.state(
        path: path, problem: "a bottleneck adapter is no part of a weight: ONNX holds it")
    }
    let heard = adapterSets.filter(\.set.isEnabled)
    let table = (languageModel as (any Promptable)? ?? encoderDecoder)?.tokenTable
    for (path, set) in heard {
      if heard.count > 1, set.configuration.hasMagnitude {
        throw ExportError.state(
          path: path, problem: "several adapters with lengths do not fold into one weight")
      }
      if let table, let place = set.places.first(where: { $0.layer.weight === table }) {
        throw ExportError.state(
          path: place.path,
          problem: "it shares its weight with the embeddings, which have no adapter: ONNX holds that")
      }
    }
    defer { for (_, set) in heard.reversed() { try? set.unmerge() } }
    for (_, set) in heard { try set.merge() }
    return try body()
  }
}
