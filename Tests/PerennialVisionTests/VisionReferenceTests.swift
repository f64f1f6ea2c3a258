import TestSupport
import Testing

@testable import PerennialVision

/// `Documentation/Recipes.md` knows every set and model of images, and every change of them.
@Suite struct VisionReferenceTests {
  @Test func everySetAndModelIsThere() throws {
    #expect(try RecipeReference.missing(ImageDataset.names + Augmentation.names, in: "`stream`") == [])
    #expect(try RecipeReference.missing(VisionModels.names, in: "`model`") == [])
  }
}
