import Testing
import Torch

@testable import PerennialVision

/// Outputs, losses, gradients and running statistics against PyTorch, from weights loaded strictly by public names.
@Suite struct ModelsGoldenTests {
  static let names = [
    "mlp", "lenet", "slim_resnet18", "cifar_resnet18", "cifar_resnet20", "cifar_resnet20_projection",
  ]

  func backbone(_ name: String) throws -> any VisionBackbone {
    let generator = try Generator(seed: 1)
    switch name {
    case "mlp": return try MLP(inputs: 20, hidden: [16, 16], generator)
    case "lenet": return try LeNet(input: [1, 28, 28], generator)
    case "slim_resnet18": return try ResNet.slim18(width: 4, generator)
    case "cifar_resnet18": return try ResNet.resNet18(width: 4, generator)
    case "cifar_resnet20": return try ResNet.cifar(depth: 20, width: 4, generator)
    default: return try ResNet.cifar(depth: 20, width: 4, shortcut: .projection(), generator)
    }
  }

  @Test(arguments: names) func equalsPyTorch(name: String) throws {
    let cases = try VisionFixtures.cases("golden-models.safetensors")
    let golden = try #require(cases[name])
    let input = try #require(golden["input"])
    let labels = try #require(golden["labels"])
    let output = try #require(golden["output"])
    let model = try Classifier(backbone(name), classes: output.shape[1])
    try model.load(#require(cases["\(name).state"]))

    try model.backbone.evaluating {
      let ours = try noGrad { try model(input) }
      #expect(try relativeError(ours, output) < 1e-5)
    }

    let learned = model.parameters.filter(\.parameter.isTrainable)
    for (_, parameter) in learned { try parameter.value.setRequiresGrad(true) }
    let loss = try model(input).crossEntropy(labels)
    #expect(try relativeError(loss, #require(golden["loss"])) < 1e-5)

    let norms = try #require(cases["\(name).gradient_norm"])
    #expect(Set(learned.map(\.path)) == Set(norms.keys))
    let computed = try gradients(of: loss, withRespectTo: learned.map(\.parameter.value))
    for ((path, _), gradient) in zip(learned, computed) {
      let expected = try #require(norms[path])
      // Float32 rounding through twenty layers of batch normalisation over two images.
      let error = try relativeError(gradient.norm(), expected)
      #expect(error < 5e-5, "gradient of \(path)")
    }

    for (path, expected) in cases["\(name).after"] ?? [:] {
      let buffer = try #require(model.parameters.first { $0.path == path }).parameter.value
      #expect(try relativeError(buffer, expected) < 1e-5, "\(path)")
    }
  }

  @Test func statisticsOfEveryNormalisationAreCompared() throws {
    let after = try #require(VisionFixtures.cases("golden-models.safetensors")["cifar_resnet20.after"])
    #expect(after.count == 2 * 19)
  }
}
