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
    for (path, set) in heard where heard.count > 1 && set.configuration.hasMagnitude {
      throw ExportError.state(
        path: path, problem: "several adapters with lengths do not fold into one weight")
    }
    defer { for (_, set) in heard.reversed() { try? set.unmerge() } }
    for (_, set) in heard { try set.merge() }
    return try body()
  }
}
