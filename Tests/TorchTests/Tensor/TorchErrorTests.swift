import Testing
import Torch

@Suite("Mistakes are errors of the right kind with a sentence to read")
struct TorchErrorTests {
  private let matrix: Tensor
  private let vector: Tensor

  init() throws {
    matrix = try Tensor.ones([2, 3])
    vector = try Tensor.ones([4])
  }

  @Test("shapes")
  func shapes() throws {
    expectError(.shape, "3", "4") { try matrix + vector }
    expectError(.shape) { try matrix.matmul(matrix) }
    expectError(.shape) { try matrix.view([5]) }
    expectError(.shape) { try Tensor.concatenate([matrix, Tensor.ones([2, 4])]) }
    expectError(.shape) { try Tensor.stack([matrix, vector]) }
    expectError(.shape) { try matrix.expand([2, 4]) }
    expectError(.shape, "24 bytes", "20") { try Tensor([Float](repeating: 0, count: 5), shape: [2, 3]) }
    expectError(.shape, "[-1, -5]") { try Tensor([Float](repeating: 0, count: 5), shape: [-1, -5]) }
    expectError(.shape) { try Tensor([Float](), shape: [Int.max, Int.max, 0]) }
    expectError(.shape) { try Tensor.zeros([-1]) }
    expectError(.shape) { try matrix.item() }
    expectError(.shape) { try matrix.narrow(dim: 1, start: 2, count: 2) }
    expectError(.shape) { try Tensor.ones([1, 2, 5, 5]).conv2d(Tensor.ones([1, 3, 3, 3])) }
    expectError(.shape) { try matrix.linear(Tensor.ones([2, 4])) }
    expectError(.shape) { try matrix.copy(from: vector) }
    expectError(.shape) { try matrix.split([1, 5], dim: 1) }
  }

  @Test("types")
  func types() throws {
    expectError(.dtype) { try matrix.matmul(Tensor.ones([3, 2], dtype: .float64)) }
    expectError(.dtype) { try matrix.indexSelect(Tensor([Float(0)])) }
    expectError(.dtype) { try Tensor([1, 2]).setRequiresGrad(true) }
    expectError(.dtype) { try Tensor([1, 2]).mean() }
    expectError(.dtype) { try matrix.maskedSelect(Tensor.ones([2, 3])) }
  }

  @Test("indices")
  func indices() throws {
    expectError(.index, "2") { try matrix[2] }
    expectError(.index) { try matrix.select(0, dim: 2) }
    expectError(.index) { try matrix.sum([5]) }
    expectError(.index) { try matrix.indexSelect(Tensor([7])) }
    expectError(.index) { try matrix.gather(Tensor([3], shape: [1, 1]), dim: 1) }
    expectError(.index) { try matrix.embedding(Tensor([-1])) }
    expectError(.index) { try vector.topK(5) }
  }

  @Test("autograd")
  func autograd() throws {
    expectError(.autograd) { try matrix.sum().backward() }
    let x = try Tensor.ones([3])
    try x.setRequiresGrad(true)
    expectError(.autograd) { try (x * 2).backward() }
    expectError(.autograd) { try gradients(of: x.sum(), withRespectTo: [matrixLeaf()]) }
    expectError(.autograd) { try x.zero() }
    let loss = try (x * x).sum()
    try loss.backward()
    expectError(.autograd) { try loss.backward() }
    let y = try x.exp()
    try y.add(1)
    expectError(.autograd) { try y.sum().backward() }
  }

  private func matrixLeaf() throws -> Tensor {
    let leaf = try Tensor.ones([2])
    try leaf.setRequiresGrad(true)
    return leaf
  }

  @Test("memory and devices")
  func resources() throws {
    expectError(.memory) { try Tensor.empty([1 << 50]) }
    if Runtime.cudaDeviceCount == 0 {
      #expect(throws: TorchError.self) { try matrix.to(.cuda(0)) }
      #expect(throws: TorchError.self) { try Tensor.zeros([1], device: .cuda(3)) }
    }
  }

  @Test("other mistakes do not crash either")
  func others() throws {
    expectError(.other, "singular") { try Tensor.zeros([2, 2]).inverse() }
    #expect(throws: TorchError.self) { try (-Tensor.eye(2)).cholesky() }
    #expect(throws: TorchError.self) { try Tensor.einsum("ij,jk->", [matrix]) }
    #expect(throws: TorchError.self) { try Tensor.concatenate([]) }
    #expect(throws: TorchError.self) { try Tensor.arange(5, 2) }
    #expect(throws: TorchError.self) { try matrix.padded([1, 1], mode: "sideways") }
    #expect(throws: TorchError.self) { try matrix.asStrided([100], strides: [1], offset: 0) }
    #expect(throws: TorchError.self) { try Tensor([5]).oneHot(classes: 3) }
    #expect(throws: TorchError.self) { try Tensor.ones([2]).multinomial(3, Generator(seed: 0)) }
    #expect(throws: TorchError.self) { try vector.fillBernoulli(1.5, Generator(seed: 0)) }
    #expect(throws: TorchError.self) { try Conv2d(3, 8, kernel: 3, groups: 2, Generator(seed: 0))(matrix) }
  }

  @Test("an error is a value with the sentence as its description")
  func description() {
    let error = TorchError(.shape, "two shapes")
    #expect("\(error)" == "two shapes")
    #expect(error == TorchError(.shape, "two shapes"))
    #expect(error != TorchError(.dtype, "two shapes"))
  }
}
