/// Why a model cannot be written in another format, or what was written cannot be read.
public enum ExportError: Error, Equatable, CustomStringConvertible {
  /// A layer that does not say what it computes.
  case layer(path: String, type: String)
  /// A layer without a part that it should have.
  case part(path: String, name: String)
  /// A layer in a state that a graph cannot hold.
  case state(path: String, problem: String)
  /// A node that this version cannot run.
  case operation(node: String, problem: String)
  /// Values that do not fit a graph.
  case values(String)
  /// A version whose answers need more than its model.
  case answers(version: Int, strategy: String)
  /// A half of a model that has none.
  case halves(of: String)
  /// Data that calibration or a comparison cannot use.
  case data(String)

  public var description: String {
    switch self {
    case .layer(let path, let type):
      "`\(path)` is a \(type), which cannot be exported; conform it to `ExportableLayer`"
    case .part(let path, let name): "`\(path)` has no part named `\(name)`"
    case .state(let path, let problem): "`\(path)` cannot be exported: \(problem)"
    case .operation(let node, let problem): "node `\(node)`: \(problem)"
    case .answers(let version, let strategy):
      "the answers of version \(version) need what `\(strategy)` keeps beside the model; such a model cannot stand alone"
    case .halves(let model): "`\(model)` has no encoder and decoder of which one could be taken; `t5` has"
    case .values(let problem), .data(let problem): problem
    }
  }
}
