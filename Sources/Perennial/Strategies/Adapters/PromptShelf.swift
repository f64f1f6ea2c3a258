import Torch

/// Prompts of P embeddings, one more with each experience, the newest in front: [P_k; …; P_1; x].
///
/// The newest may learn through a residual perceptron, P + LayerNorm(W₂ relu(W₁ P)), into which it is folded when the next
/// arrives.
final class PromptShelf: Module, PromptSource {
  private(set) var prompts: [Parameter] = []
  /// How many are heard, from the first; all when nil.
  var heard: Int?
  private unowned let model: any Promptable
  private let length: Int
  private let width: Int?
  private var projection: Sequential?

  /// - Parameter width: the inner width of the perceptron; nil for none.
  init(_ length: Int, projection width: Int?, for model: any Promptable) {
    (self.length, self.width, self.model) = (length, width, model)
    super.init()
  }

  var promptLength: Int { min(heard ?? prompts.count, prompts.count) * length }

  func callAsFunction(_ ids: Tensor) throws -> Prompt? {
    let count = min(heard ?? prompts.count, prompts.count)
    guard count > 0 else { return nil }
    return .embeddings(try Tensor.concatenate((0..<count).reversed().map(value)).unsqueeze(0))
  }

  private func value(_ place: Int) throws -> Tensor {
    let own = prompts[place].value
    guard let projection, place == prompts.count - 1 else { return own }
    return try own + projection(own)
  }

  /// Adds prompts up to a number; the newest alone learns.
  ///
  /// - Returns: whether there were fewer.
  func grow(to count: Int, _ generator: Generator) throws -> Bool {
    guard count > prompts.count else { return false }
    while prompts.count < count {
      try fold()
      let fresh = try SoftPrompt(length, for: model, generator)
      try fresh.move(to: model.tokenTable.value.device)
      prompts.append(fresh.embeddings)
      register("\(prompts.count - 1)", fresh.embeddings)
      if let width { try project(through: width, generator) }
    }
    let newest = [String(count - 1), Self.projectionName(count - 1) + "."]
    freeze { path in path != newest[0] && !path.hasPrefix(newest[1]) }
    return true
  }

  private static func projectionName(_ place: Int) -> String { "projection\(place)" }

  private func project(through width: Int, _ generator: Generator) throws {
    let outer = model.promptShape.width
    let made = Sequential([
      try Linear(outer, width, kind: .prompt, generator), Activation(.relu),
      try Linear(width, outer, kind: .prompt, generator), try LayerNorm([outer]),
    ])
    try made.move(to: model.tokenTable.value.device)
    projection = made
    register(Self.projectionName(prompts.count - 1), made)
  }

  /// Puts what the perceptron makes of the newest prompt in its place, and takes the perceptron away.
  private func fold() throws {
    guard let made = projection, let newest = prompts.last else { return }
    try noGrad { try newest.value.copy(from: newest.value + made(newest.value)) }
    projection = nil
    unregister(made)
  }

  override func fit(_ shapes: [String: [Int]]) throws {
    _ = try grow(to: shapes.keys.filter { Int($0) != nil }.count, Generator(seed: 0))
  }
}
