import Foundation
import Testing

@testable import Torch

@Suite("Safetensors files")
struct SafetensorsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The content that `Scripts/golden/safetensors_files.py` gave to the reference implementation.
  private func reference() throws -> [String: Tensor] {
    let numbers = try Tensor([0.0, -1.5, 3.25, 100])
    return [
      "float64": numbers, "float32": try numbers.to(.float32), "float16": try numbers.to(.float16),
      "bfloat16": try numbers.to(.bfloat16), "int64": try Tensor([Int64.min, .max]),
      "int32": try Tensor([Int32.min, .max]), "int16": try Tensor([Int16.min, .max]),
      "int8": try Tensor([Int8.min, .max]), "uint8": try Tensor([UInt8(0), 255]),
      "bool": try Tensor([true, false, true]), "scalar": try Tensor.scalar(Float(2.5)),
      "empty": try Tensor.zeros([0, 3]), "empty.bool": try Tensor.zeros([2, 0], dtype: .bool),
      "matrix": try Tensor((0..<6).map(Float.init), shape: [2, 3]), "Zeta": try Tensor([Float(1)]),
      "émigré": try Tensor([Float(2)]), "quote\"back\\slash/tab\tbell\u{7}": try Tensor([Float(3)]),
      "😀": try Tensor([Float(4)]), "": try Tensor([Float(5)]),
    ]
  }

  private func golden(_ name: String) throws -> URL {
    try #require(Bundle.module.url(forResource: "Golden/\(name)", withExtension: "safetensors"))
  }

  @Test("a file of the reference implementation is read whole", arguments: [true, false])
  func readReference(copying: Bool) throws {
    let contents = try Safetensors.read(golden("reference"), copying: copying)
    let expected = try reference()
    #expect(Set(contents.tensors.keys) == Set(expected.keys))
    for (name, tensor) in contents.tensors { expectSame(tensor, try #require(expected[name]), name) }
    #expect(contents.metadata == ["note": "a \"quoted\" line\nand another"])
    #expect(try Safetensors.read(golden("reference-empty")).tensors.isEmpty)
  }

  @Test("what is written is what the reference implementation writes, byte for byte")
  func writeReference() throws {
    #expect(
      try Safetensors.encode(reference(), metadata: ["note": "a \"quoted\" line\nand another"])
        == Data(contentsOf: golden("reference")))
    #expect(
      try Safetensors.encode(["weight": Tensor.eye(2), "bias": Tensor.zeros([3])])
        == Data(contentsOf: golden("reference-plain")))
    #expect(try Safetensors.encode([:]) == Data(contentsOf: golden("reference-empty")))
  }

  @Test(
    "every type and layout survives a round trip", arguments: DType.allCases,
    [[], [0], [3, 0, 2], [7], [2, 3, 4]])
  func roundTrip(_ dtype: DType, _ shape: [Int]) throws {
    let values = try Tensor.randomIntegers(0..<2, shape, Generator(seed: 1)).to(dtype)
    let file = try folder.file("x.safetensors", Safetensors.encode(["a": values, "odd": Tensor([UInt8(1)])]))
    for copying in [true, false] {
      expectSame(try #require(Safetensors.read(file, copying: copying).tensors["a"]), values)
    }
  }

  @Test("strided tensors are written in row-major order")
  func strided() throws {
    let matrix = try Tensor.normal([3, 5], Generator(seed: 1))
    let image = try Tensor.normal([2, 3, 4, 4], Generator(seed: 2)).channelsLast()
    let file = try folder.file("x", Safetensors.encode(["t": matrix.T, "i": image]))
    let tensors = try Safetensors.read(file).tensors
    #expect(try #require(tensors["t"]).equals(matrix.T) && #require(tensors["i"]).equals(image))
    #expect(tensors["t"]?.strides == [3, 1])
  }

  @Test("a mapped tensor outlives the reader, and the file's name; writing to it leaves the file alone")
  func mapped() throws {
    let values = try Tensor.normal([1000], Generator(seed: 1))
    let bytes = try Safetensors.encode(["w": values])
    let file = try folder.file("x.safetensors", bytes)
    var contents: Safetensors.Contents? = try Safetensors.read(file, copying: false)
    let tensor = try #require(contents?.tensors["w"])
    contents = nil
    try noGrad { try tensor.add(1) }
    #expect(try Data(contentsOf: file) == bytes)
    try FileManager.default.removeItem(at: file)
    let part = try tensor[500..<1000]
    expectSame(try tensor.clone(), try values + 1)
    expectSame(try part.clone(), try (values + 1)[500..<1000].clone())
  }

  #if os(Linux)
    @Test("a mapping ends with its last tensor")
    func mappingEnds() throws {
      let file = try folder.file(
        "x.safetensors", Safetensors.encode(["w": Tensor.ones([4]), "v": Tensor.ones([4])]))
      func mappings() throws -> Int {
        try kernelFile("/proc/self/maps").components(separatedBy: file.path).count - 1
      }
      var tensors = try Safetensors.read(file, copying: false).tensors
      #expect(try mappings() == 1)
      tensors["w"] = nil
      #expect(try mappings() == 1)
      tensors["v"] = nil
      #expect(try mappings() == 0)
      _ = try Safetensors.read(file, copying: true)
      #expect(try mappings() == 0)
    }
  #endif

  @Test("metadata and names with every awkward character come back")
  func awkwardText() throws {
    let text = String((0..<0x80).compactMap { Unicode.Scalar($0).map(Character.init) }) + "\u{2028}é\u{1F600}"
    let file = try folder.file(
      "x", Safetensors.encode([text: Tensor.ones([1])], metadata: [text: text, "": ""]))
    let contents = try Safetensors.read(file)
    #expect(contents.metadata == [text: text, "": ""])
    #expect(contents.tensors.keys.first == text)
  }

  @Test("tensors are ordered by type and then by the bytes of their names; metadata by its keys")
  func order() throws {
    let tensors = try [
      "b": Tensor.ones([1]), "a": Tensor.ones([1]), "B": Tensor.ones([1]), "\u{FF5E}": Tensor.ones([1]),
      "\u{1F600}": Tensor.ones([1]), "z": Tensor([1]), "0": Tensor([true]),
    ]
    let data = try Safetensors.encode(tensors, metadata: ["y": "1", "x": "2"])
    let header = String(decoding: data.dropFirst(8), as: UTF8.self)
    let places = ["__metadata__", "x", "y", "z", "B", "a", "b", "\u{FF5E}", "\u{1F600}", "0"].map {
      header.range(of: "\"\($0)\":")?.lowerBound
    }
    #expect(!places.contains(nil))
    #expect(places.compactMap { $0 } == places.compactMap { $0 }.sorted())
    let length = data.prefix(8).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
    #expect(length % 8 == 0)
  }

  @Test("a tensor cannot take the name of the metadata")
  func reservedName() {
    expectError(.other, "__metadata__") { try Safetensors.encode(["__metadata__": Tensor.ones([1])]) }
  }

  @Test("files that are not there, and folders")
  func missing() throws {
    expectError(.file, "none.safetensors") {
      try Safetensors.read(folder.url.appendingPathComponent("none.safetensors"))
    }
    expectError(.file, folder.url.lastPathComponent) { try Safetensors.read(folder.url) }
  }
}
