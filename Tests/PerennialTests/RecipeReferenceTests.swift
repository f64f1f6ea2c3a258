import TestSupport
import Testing

@testable import Perennial

/// `Documentation/Recipes.md` knows whatever a recipe may say.
@Suite struct RecipeReferenceTests {
  /// The keys that the reader names when it meets one that it does not know.
  private func allowed(_ old: String, _ new: String) throws -> [String] {
    let mistake = try #require(RecipeSample.mistake(RecipeSample.replacing(old, new)))
    let list = try #require(mistake.components(separatedBy: "Allowed: ").dropFirst().first)
    return list.components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
  }

  @Test(arguments: [
    ("The top level", "seeds:", "zzzzz: 1\nseeds:", 13),
    ("`stream`", "experiences: 5", "experiences: 5, zzzzz: 1", 10),
    ("`training`", "batch: 128", "batch: 128, zzzzz: 1", 19),
    ("`training`", "{lr: 0.001}", "{zzzzz: 1}", 5),
    ("`training`", "steps: 2000", "steps: 2000, schedule: {one-cycle: {zzzzz: 1}}", 3),
    ("`training`", "steps: 2000", "steps: 2000, warm_up: {zzzzz: 1}", 3),
    ("`training`", "steps: 2000", "steps: 2000, tune: {zzzzz: 1}", 5),
    ("`strategies`", "finetune: []", "finetune: {zzzzz: 1}", 7),
    ("`teachers`", "seeds:", "teachers: {big: {zzzzz: 1}}\nseeds:", 7),
    ("The top level", "seeds:", "collaboration: {zzzzz: 1}\nseeds:", 7),
    ("`expect`", "tolerance: 0.02", "tolerance: 0.02, zzzzz: 1", 5),
  ])
  func everyKey(section: String, old: String, new: String, atLeast: Int) throws {
    let keys = try allowed(old, new)
    #expect(keys.count >= atLeast, "\(keys)")
    #expect(try RecipeReference.missing(keys, in: section) == [])
  }

  @Test func everythingThatIsChosenByName() throws {
    #expect(try RecipeReference.missing(Scenario.allCases.map(\.rawValue), in: "`stream`") == [])
    #expect(try RecipeReference.missing(HeadRegistry.makers.map(\.key), in: "`head`") == [])
    #expect(try RecipeReference.missing(ObjectiveRegistry.makers.map(\.key), in: "`objective`") == [])
    let metrics = (MetricName.standard + MetricName.occasional).map(\.rawValue)
    #expect(try RecipeReference.missing(metrics, in: "`expect`") == [])
    #expect(try RecipeReference.missing(["no-such-name"]) == ["no-such-name"])
  }

  @Test func theExampleIsARecipe() throws {
    let recipe = try Recipe(yaml: RecipeReference.example(), source: "Recipes.md")
    #expect(recipe.armNames == ["finetune", "replay"])
  }
}
