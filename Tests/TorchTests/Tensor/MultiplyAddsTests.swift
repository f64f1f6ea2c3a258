import Foundation
import Testing
import Torch

@Suite("Multiplications of a piece of work")
struct MultiplyAddsTests {
  struct Case: Decodable {
    let name: String
    let shapes: [[Int]]
    let multiply_adds: Int
  }

  struct File: Decodable { let cases: [Case] }

  static let calls: [String: @Sendable ([Tensor]) throws -> Tensor] = [
    "linear": { try $0[0].linear($0[1], bias: $0[2]) },
    "linear_of_one_row": { try $0[0].linear($0[1], bias: $0[2]) },
    "linear_of_sequences": { try $0[0].linear($0[1], bias: $0[2]) },
    "matmul": { try $0[0].matmul($0[1]) },
    "batched": { try $0[0].batchedMatmul($0[1]) },
    "convolution": { try $0[0].conv2d($0[1], stride: [2, 1], padding: [1, 2]) },
    "grouped": { try $0[0].conv2d($0[1], dilation: [2, 2], groups: 2) },
    "convolution_of_rows": { try $0[0].conv1d($0[1], stride: 3) },
    "transposed": { try $0[0].convTransposed2d($0[1], stride: [2, 2], padding: [1, 1]) },
    "attention": { try $0[0].attention(keys: $0[1], values: $0[2]) },
  ]

  private func cases() throws -> [Case] {
    let url = try #require(Bundle.module.url(forResource: "Golden/multiply_adds", withExtension: "json"))
    return try JSONDecoder().decode(File.self, from: Data(contentsOf: url)).cases
  }

  @Test("as many as PyTorch counts, whatever computes them", arguments: calls.keys.sorted(), [true, false])
  func golden(_ name: String, records: Bool) throws {
    let example = try #require(cases().first { $0.name == name })
    let call = try #require(Self.calls[name])
    let generator = try Generator(seed: 1)
    let inputs = try example.shapes.map { try Tensor.normal($0, generator) }
    let count = try Runtime.multiplyAdds {
      if records { _ = try call(inputs) } else { try noGrad { _ = try call(inputs) } }
    }
    #expect(count == example.multiply_adds)
  }

  @Test("every golden case is compared") func all() throws {
    #expect(Set(try cases().map(\.name)) == Set(Self.calls.keys))
  }

  @Test("a linear layer by oneDNN takes what one by BLAS takes", .enabled(if: Runtime.hasOneDNN))
  func oneDNN() throws {
    let generator = try Generator(seed: 1)
    let (x, w) = (try Tensor.normal([32, 20], generator), try Tensor.normal([7, 20], generator))
    #expect(try Runtime.multiplyAdds { _ = try x.linear(w, backend: .oneDNN) } == 32 * 20 * 7)
  }

  @Test("sums and lookups take none, and a count does not see the one before or after it")
  func none() throws {
    let table = try Tensor.ones([10, 4])
    _ = try table.matmul(table.transpose(0, 1))
    #expect(
      try Runtime.multiplyAdds { _ = try (table.indexSelect(Tensor([1, 2])) + 1).sum() } == 0)
  }

  @Test("a count inside a count is refused, and one that fails ends")
  func nested() throws {
    #expect(throws: TorchError.self) { _ = try Runtime.multiplyAdds { _ = try Runtime.multiplyAdds {} } }
    let a = try Tensor.ones([2, 3])
    #expect(throws: TorchError.self) { _ = try Runtime.multiplyAdds { _ = try a.matmul(a) } }
    #expect(try Runtime.multiplyAdds { _ = try a.matmul(Tensor.ones([3, 5])) } == 30)
  }
}
