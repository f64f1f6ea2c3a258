import Testing
import Torch

@testable import PerennialVision

/// Published parameter counts, classifier of ten classes included.
@Suite struct ModelsCountTests {
  let generator: Generator
  init() throws { generator = try Generator(seed: 3) }

  @Test(arguments: [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018), (110, 1_727_962)])
  func cifarResNets(depth: Int, count: Int) throws {
    let model = try Classifier(ResNet.cifar(depth: depth, generator), classes: 10)
    #expect(model.parameterCount == count)
    #expect(model.backbone.featureCount == 64)
  }

  @Test(arguments: [(20, 272_474), (110, 1_730_714)])
  func cifarResNetsWithProjection(depth: Int, count: Int) throws {
    let backbone = try ResNet.cifar(depth: depth, shortcut: .projection(), generator)
    #expect(try Classifier(backbone, classes: 10).parameterCount == count)
  }

  @Test func others() throws {
    func count(_ backbone: any VisionBackbone) throws -> Int {
      try Classifier(backbone, classes: 10).parameterCount
    }
    #expect(try count(ResNet.slim18(generator)) == 1_094_750)
    #expect(try count(ResNet.resNet18(generator)) == 11_173_962)
    #expect(try count(LeNet(input: [1, 28, 28], generator)) == 61_706)
    #expect(try count(LeNet(input: [3, 32, 32], padding: 0, generator)) == 62_006)
    #expect(try count(SmallCNN(input: [3, 32, 32], generator)) == 188_810)
    #expect(try count(MLP(inputs: 784, hidden: [400, 400], generator)) == 478_410)
  }

  @Test func namesOfTorchvision() throws {
    let paths = try ResNet.resNet18(width: 2, generator).parameters.map(\.path)
    #expect(paths.count == 20 * 6)
    #expect(
      Array(paths.prefix(7)) == [
        "conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var",
        "bn1.num_batches_tracked", "layer1.0.conv1.weight",
      ])
    #expect(paths.contains("layer4.0.downsample.0.weight"))
    #expect(paths.contains("layer4.0.downsample.1.running_var"))
    #expect(!paths.contains { $0.hasPrefix("layer1.0.downsample") })
  }
}
