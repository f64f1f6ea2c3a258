import Foundation
import Testing
import Torch

@testable import PerennialVision

/// The public CIFAR-10 ResNets, loaded strictly.
@Suite struct ModelsPublishedWeightsTests {
  struct Record: Decodable {
    struct Model: Decodable {
      let name: String
      let file: String
      let recordedAccuracy: Double
      let parameters: Int
      let correctOfFirst1000: Int

      enum CodingKeys: String, CodingKey {
        case name, file, parameters
        case recordedAccuracy = "recorded_accuracy"
        case correctOfFirst1000 = "correct_of_first_1000"
      }

      var depth: Int { Int(name.dropFirst("resnet".count)) ?? 0 }
    }

    let models: [Model]

    static func read() throws -> Record {
      try JSONDecoder().decode(
        Record.self, from: Data(contentsOf: VisionFixtures.url("golden-resnet-cifar.json")))
    }
  }

  func load(_ model: Record.Model, from data: URL) throws -> Classifier {
    let classifier = try Classifier(ResNet.cifar(depth: model.depth, Generator(seed: 0)), classes: 10)
    let contents = try Safetensors.read(data.appendingPathComponent(model.file))
    try classifier.load(contents.tensors)
    #expect(classifier.parameterCount == model.parameters)
    classifier.backbone.evaluate()
    return classifier
  }

  func normalized(_ pixels: Tensor) throws -> Tensor {
    try pixels.gatherNormalized(
      Tensor.arange(0, pixels.shape[0]), scale: Normalization.imageNet.pixelScale(),
      shift: Normalization.imageNet.pixelShift())
  }

  @Test(.enabled(if: VisionFixtures.data != nil, "PERENNIAL_DATA names no data root"))
  func logitsAndAccuracy() throws {
    let data = try #require(VisionFixtures.data)
    let golden = try VisionFixtures.cases("golden-resnet-cifar.safetensors")
    let pixels = try #require(golden["images"]?["pixels"])
    let bytes = try Data(contentsOf: data.appendingPathComponent("cifar-10-batches-bin/test_first1000.bin"))
    let records = try bytes.withUnsafeBytes { try Tensor(bytes: $0, shape: [1000, 3073], dtype: .uint8) }
    let labels = try records.select(0, dim: 1).to(.int64)
    let images = try records.narrow(dim: 1, start: 1, count: 3072).contiguous().view([1000, 3, 32, 32])
    let models = try Record.read().models
    #expect(models.map(\.depth) == [20, 32, 44, 56])
    for model in models {
      let classifier = try load(model, from: data)
      try noGrad {
        let logits = try classifier(normalized(pixels))
        #expect(try relativeError(logits, #require(golden[model.name]?["logits"])) < 1e-5, "\(model.name)")
        var correct = 0
        for start in stride(from: 0, to: 1000, by: 250) {
          let range = start..<start + 250
          let predictions = try classifier(normalized(images[range])).argmax(1)
          correct += try (predictions .== labels[range]).sum().itemInt()
        }
        #expect(abs(correct - model.correctOfFirst1000) <= 3, "\(model.name): \(correct) of 1000")
      }
    }
  }

  @Test func missingUnusedAndMisshapedPathsAreNamed() throws {
    let model = try ResNet.cifar(depth: 8, width: 2, Generator(seed: 1))
    var state = try model.stateDictionary()
    let untouched = try #require(state["conv1.weight"]).clone()
    state["conv1.weight"] = try untouched + 1
    state["bn1.weight"] = nil
    state["module.conv1.weight"] = untouched
    state["layer3.0.bn2.bias"] = try Tensor.zeros([9])
    let mismatch = try #require(throws: StateMismatch.self) { try model.loadPublished(state) }
    #expect(mismatch.missing == ["bn1.weight"])
    #expect(mismatch.unused == ["module.conv1.weight"])
    #expect(mismatch.misshaped == ["layer3.0.bn2.bias is [9], not [8]"])
    #expect(try #require(model.stateDictionary()["conv1.weight"]).equals(untouched))
  }

  @Test func oldCheckpointsCountNoBatches() throws {
    let model = try ResNet.cifar(depth: 8, width: 2, Generator(seed: 1))
    _ = try model(Tensor.zeros([2, 3, 8, 8]))
    let full = try model.stateDictionary()
    #expect(try #require(full["bn1.num_batches_tracked"]).itemInt() == 1)
    try model.loadPublished(full.filter { !$0.key.hasSuffix("num_batches_tracked") })
    #expect(try #require(model.stateDictionary()["bn1.num_batches_tracked"]).itemInt() == 0)
    try model.loadPublished(full)
    #expect(try #require(model.stateDictionary()["bn1.num_batches_tracked"]).itemInt() == 1)
  }

  @Test func aFileGivesItsMetadata() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("weights.safetensors")
    let source = try LeNet(input: [1, 28, 28], Generator(seed: 1))
    try Safetensors.encode(source.stateDictionary(), metadata: ["source": "here"]).write(to: file)
    let model = try LeNet(input: [1, 28, 28], Generator(seed: 2))
    #expect(try model.loadPublished(contentsOf: file) == ["source": "here"])
    let x = try Tensor.uniform([2, 1, 28, 28], Generator(seed: 3))
    #expect(try model(x).equals(source(x)))
  }
}
