import Perennial
import Torch

extension BERT {
  /// An encoder with some of the layers alone, and this one's values: what a smaller student begins with (Sanh et al., 2019).
  ///
  /// - Parameters:
  ///   - layers: those that are kept, in their order, counted from 1.
  ///   - dropout: the stream of dropout masks.
  /// - Throws: `TorchError` (`shape`) for layers that it does not have.
  public func keeping(layers kept: [Int], dropout: Generator) throws -> BERT {
    guard !kept.isEmpty, kept == Set(kept).sorted(), kept.allSatisfy((1...configuration.layers).contains)
    else {
      throw TorchError(
        .shape, "layers are kept in ascending order out of 1 to \(configuration.layers), not \(kept)")
    }
    var smaller = configuration
    smaller.layers = kept.count
    let student = try BERT(smaller, Generator(seed: 0), dropout: dropout)
    let prefix = "encoder.layer."
    var state: [String: Tensor] = [:]
    for (path, value) in try stateDictionary() {
      guard path.hasPrefix(prefix) else {
        state[path] = value
        continue
      }
      let rest = path.dropFirst(prefix.count)
      guard let number = rest.split(separator: ".").first.flatMap({ Int($0) }),
        let place = kept.firstIndex(of: number + 1)
      else { continue }
      state["\(prefix)\(place)\(rest.drop { $0 != "." })"] = value
    }
    try student.load(state)
    return student
  }
}
