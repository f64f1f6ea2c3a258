import Perennial
import Testing
import Torch

@testable import PerennialVision

/// Models as a recipe names them.
@Suite struct ModelsRecipeTests {
  func backbone(_ yaml: String, input: [Int] = [3, 32, 32]) throws -> any VisionBackbone {
    let node = try ConfigurationNode(yaml: yaml, source: "recipe.yaml")
    return try VisionModels.backbone(
      Selection(node), input: input, weights: Generator(seed: 1), dropout: Generator(seed: 2))
  }

  @Test func everyNameHasDefaults() throws {
    let expected = [
      "mlp": (400, "layers.2"), "lenet": (84, "fc3"), "small-cnn": (128, "fc2"),
      "slim-resnet18": (160, "linear"), "resnet18": (512, "fc"), "cifar-resnet": (64, "linear"),
      "strided-cnn": (256, "13"),
    ]
    #expect(Set(VisionModels.names) == Set(expected.keys))
    for (name, (features, head)) in expected {
      let model = try backbone(name)
      #expect(model.featureCount == features)
      #expect(model.headName == head)
    }
  }

  @Test func optionsReachTheModel() throws {
    #expect(
      try backbone("mlp: {hidden: [30, 20], activation: tanh, dropout: 0.5}", input: [10]).featureCount == 20)
    #expect(
      try backbone("small-cnn: {channels: [4], hidden: 9}").parameterCount == 3 * 4 * 9 + 4 + 4 * 256 * 9 + 9)
    #expect(try backbone("cifar-resnet: {depth: 8, width: 2, shortcut: projection}").featureCount == 8)
    #expect(try backbone("slim-resnet18: {width: 3}", input: [1, 28, 28]).featureCount == 24)
    #expect(try backbone("resnet18: {width: 4}").featureCount == 32)
  }

  @Test(arguments: [
    ("resnet19", "recipe.yaml:1: unknown model `resnet19`"),
    ("mlp: {hiden: [3]}", "hiden"),
    ("mlp: {hidden: [3, 0]}", "recipe.yaml:1: mlp.hidden: every width must be at least 1, found `0`"),
    ("mlp: {dropout: 1}", "mlp.dropout: must be at least 0 and below 1"),
    ("mlp: {activation: relou}", "mlp.activation: unknown value `relou`, did you mean `relu`?"),
    ("lenet: {width: 3}", "width"),
    ("cifar-resnet: {depth: 18}", "cifar-resnet.depth: must be 6n + 2"),
    ("slim-resnet18: {width: 0}", "slim-resnet18.width: must be at least 1"),
  ])
  func mistakesAreToldWithTheirLine(yaml: String, message: String) throws {
    do {
      _ = try backbone(yaml)
      Issue.record("\(yaml) was accepted")
    } catch let error as ConfigurationError {
      #expect(error.description.contains(message), "\(error)")
    }
  }

  @Test func aModelThatDoesNotSuitTheImages() throws {
    do {
      _ = try backbone("lenet", input: [1, 8, 8])
      Issue.record("LeNet took 8×8 images")
    } catch let error as ConfigurationError {
      #expect(error.description == "recipe.yaml:1: LeNet: needs images of at least 12×12, not 8×8")
    }
  }
}
