import TestSupport
import Testing

@testable import PerennialText

/// `Documentation/Recipes.md` knows every set and model of texts.
@Suite struct TextReferenceTests {
  @Test func everySetAndModelIsThere() throws {
    #expect(try RecipeReference.missing(TextSources.names + Corpus.known.map(\.key), in: "`stream`") == [])
    #expect(try RecipeReference.missing(TextModels.names, in: "`model`") == [])
    #expect(try RecipeReference.missing(ChatForm.allCases.map(\.rawValue), in: "`stream`") == [])
  }
}
