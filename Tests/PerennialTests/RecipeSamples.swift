@testable import Perennial

/// The recipe of the tests, whose lines can be replaced to make one mistake at a time.
enum RecipeSample {
  static let yaml = """
    name: split-mnist/class
    stream: {data: mnist, scenario: class, experiences: 5}
    model: {mlp: {hidden: [400, 400]}}
    training: {optimizer: {adam: {lr: 0.001}}, batch: 128, steps: 2000}
    strategies:
      finetune: []
      er: [{replay: {memory: 1000, policy: class-balanced}}]
      ewc: [{ewc: {lambda: 1000}}]
    seeds: [0, 1, 2]
    expect:
      er: {average_accuracy: {value: 0.888, tolerance: 0.02, source: "van de Ven et al. 2022"}}
    """

  static func replacing(_ old: String, _ new: String) -> String {
    yaml.replacing(old, with: new)
  }

  /// What the reader is told about a recipe, or nothing for a good one.
  static func mistake(_ yaml: String, _ changes: RecipeChange...) -> String? {
    mistake(yaml, changes)
  }

  static func mistake(_ yaml: String, _ changes: [RecipeChange]) -> String? {
    do {
      _ = try Recipe(yaml: yaml, source: "r.yaml", changes: changes)
      return nil
    } catch {
      return "\(error)"
    }
  }
}
