import Foundation
import Testing
import Torch

@Suite("Tensors from Swift and back")
struct TensorTests {
  private func roundTrip<Element: TensorElement & Equatable>(_ elements: [Element]) throws {
    let tensor = try Tensor(elements)
    #expect(tensor.dtype == Element.dtype)
    #expect(tensor.shape == [elements.count])
    #expect(tensor.byteCount == elements.count * MemoryLayout<Element>.stride)
    #expect(try tensor.array(of: Element.self) == elements)
  }

  @Test("arrays of every element type")
  func roundTrips() throws {
    try roundTrip([Float(1.5), -.infinity, .leastNonzeroMagnitude])
    try roundTrip([Double.pi, -0.0, .greatestFiniteMagnitude])
    try roundTrip([Int.min, 0, Int.max])
    try roundTrip([Int64.min, 7])
    try roundTrip([Int32.min, .max])
    try roundTrip([Int16.min, .max])
    try roundTrip([Int8.min, .max])
    try roundTrip([UInt8.min, 255])
    try roundTrip([true, false, true])
    try roundTrip([Float]())
  }

  @Test("a tensor describes its shape, strides, place and type")
  func metadata() throws {
    let tensor = try Tensor(Array(0..<24).map(Float.init), shape: [2, 3, 4])
    #expect(tensor.rank == 3 && tensor.count == 24 && tensor.byteCount == 96)
    #expect(tensor.strides == [12, 4, 1])
    #expect(try tensor.device == .cpu)
    #expect(tensor.description == "Tensor(float32, [2, 3, 4])")
    let part = try tensor.narrow(dim: 1, start: 1, count: 2).transpose(1, 2)
    #expect(try part.storageOffset == 4)
    #expect(part.strides == [12, 1, 4])
    #expect(try !part.isContiguous && tensor.isContiguous)
    #expect(try part.floats().prefix(4) == [4, 8, 5, 9])
    let scalar = try Tensor.scalar(Float(3))
    #expect(scalar.shape == [] && scalar.rank == 0 && scalar.count == 1)
    #expect(try scalar.item() == 3)
  }

  @Test("strided tensors are read in row-major order")
  func stridedReading() throws {
    let matrix = try Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
    #expect(try matrix.T.integers() == [1, 4, 2, 5, 3, 6])
    #expect(try matrix.T.data() == matrix.T.contiguous().data())
    let image = try Tensor(Array(0..<16).map(Float.init), shape: [1, 2, 2, 4]).channelsLast()
    #expect(image.strides == [16, 1, 8, 2])
    #expect(try image.floats() == Array(0..<16).map(Float.init))
  }

  @Test("reading as another type is an error, converting is not")
  func types() throws {
    let tensor = try Tensor([Float(1.75), -2.5])
    expectError(.dtype, "float32", "int64") { try tensor.array(of: Int.self) }
    #expect(try tensor.integers() == [1, -2])
    #expect(try tensor.to(.float64).array(of: Double.self) == [1.75, -2.5])
    #expect(try tensor.to(.bfloat16).floats() == [1.75, -2.5])
    #expect(try tensor.to(.float16).byteCount == 4)
  }

  @Test("creation")
  func creation() throws {
    #expect(try Tensor.zeros([2, 2], dtype: .int32).integers() == [0, 0, 0, 0])
    #expect(try Tensor.ones([3], dtype: .bool).array() == [true, true, true])
    #expect(try Tensor.full([2], 2.5).floats() == [2.5, 2.5])
    #expect(try Tensor.full([2], 7, dtype: .uint8).array(of: UInt8.self) == [7, 7])
    #expect(try Tensor.arange(2, 6).array(of: Int.self) == [2, 3, 4, 5])
    #expect(try Tensor.linspace(0, 1, count: 5).floats() == [0, 0.25, 0.5, 0.75, 1])
    #expect(try Tensor.eye(2).floats() == [1, 0, 0, 1])
    #expect(try Tensor.empty([0, 3]).count == 0)
    let like = try Tensor([1, 2])
    #expect(try like.zerosLike().array(of: Int.self) == [0, 0])
    #expect(try like.onesLike().array(of: Int.self) == [1, 1])
    #expect(try like.emptyLike().shape == [2])
  }

  @Test("numbers keep integer tensors integer")
  func scalars() throws {
    let integers = try Tensor([7, -7])
    #expect(try (integers * 2 + 1).array(of: Int.self) == [15, -13])
    #expect(try (1 - integers).array(of: Int.self) == [-6, 8])
    #expect(try (integers + 0.5).dtype == .float32)
    #expect(try (integers / 2).floats() == [3.5, -3.5])
    #expect(try integers.remainder(4).array(of: Int.self) == [3, 1])
    #expect(try integers.floorDivided(by: Tensor([2, 2])).array(of: Int.self) == [3, -4])
    #expect(try (2 / Tensor([Float(4)])).floats() == [0.5])
    #expect(try (integers .> 0).array() == [true, false])
    #expect(try (integers .== Tensor([7, 7])).array() == [true, false])
    #expect(try (integers .<= -7).logicalOr(integers .!= -7).array() == [true, true])
  }

  @Test("views share memory and copies do not")
  func sharing() throws {
    let base = try Tensor.zeros([4, 4])
    #expect(try shareMemory(base, base.view([16])))
    #expect(try shareMemory(base, base[1]))
    #expect(try shareMemory(base, base[1..<3]))
    #expect(try shareMemory(base, base.T))
    #expect(try shareMemory(base, base.detach()))
    #expect(try shareMemory(base, base.asStrided([2], strides: [5], offset: 5)))
    #expect(try !shareMemory(base, base.clone()))
    #expect(try !shareMemory(base, base.T.contiguous()))
    #expect(try !shareMemory(base, base.tiled([1, 1])))
  }

  @Test("slices")
  func slices() throws {
    let tensor = try Tensor(Array(0..<12), shape: [3, 4])
    #expect(try tensor[1].integers() == [4, 5, 6, 7])
    #expect(try tensor[-1].integers() == [8, 9, 10, 11])
    #expect(try tensor[1..<1].shape == [0, 4])
    #expect(try tensor.select(2, dim: 1).integers() == [2, 6, 10])
    #expect(try tensor.slice(dim: 1, from: 0, to: 100, by: 2).integers() == [0, 2, 4, 6, 8, 10])
    #expect(try tensor.split([1, 3], dim: 1).map(\.shape) == [[3, 1], [3, 3]])
    #expect(try tensor.chunk(2).map(\.shape) == [[2, 4], [1, 4]])
    #expect(try tensor.unbind(1).count == 4)
    #expect(try Tensor.concatenate(tensor.split([1, 3], dim: 1), dim: 1).equals(tensor))
  }

  @Test("in-place operations")
  func inPlace() throws {
    let x = try Tensor([Float(1), 2, 3])
    try x.add(Tensor([Float(1), 1, 1]), scale: 2)
    #expect(try x.floats() == [3, 4, 5])
    try x.multiply(by: Tensor([Float(2), 1, 0]))
    #expect(try x.floats() == [6, 4, 0])
    try x.subtract(Tensor([Float(1), 1, 1]))
    try x.divide(by: Tensor([Float(5), 3, 1]))
    #expect(try x.floats() == [1, 1, -1])
    try x.addProduct(Tensor([Float(1), 2, 3]), Tensor([Float(1), 1, 2]), value: 0.5)
    #expect(try x.floats() == [1.5, 2, 2])
    try x.interpolate(to: Tensor([Float(2.5), 0, 2]), weight: 0.5)
    #expect(try x.floats() == [2, 1, 2])
    try x.clampInPlace(max: 1.5)
    try x.scale(by: 2)
    #expect(try x.floats() == [3, 2, 3])
    try x.indexFill(Tensor([0, 2]), -1)
    try x.indexCopy(Tensor([1]), from: Tensor([Float(9)]))
    #expect(try x.floats() == [-1, 9, -1])
    try x.copy(from: Tensor([Float(4)]))
    #expect(try x.floats() == [4, 4, 4])
    try x.zero()
    #expect(try x.floats() == [0, 0, 0])
  }

  @Test("finding and counting")
  func finding() throws {
    let x = try Tensor([3, 1, 3, 2])
    let (values, inverse, counts) = try x.unique()
    #expect(try values.integers() == [1, 2, 3])
    #expect(try inverse.integers() == [2, 0, 2, 1])
    #expect(try counts.integers() == [1, 1, 2])
    #expect(try x.isIn(Tensor([1, 2])).array() == [false, true, false, true])
    #expect(try (x .== 3).nonzero().integers() == [0, 2])
    #expect(try Tensor([1, 3, 5]).searchSorted(Tensor([0, 3, 6])).integers() == [0, 1, 3])
    #expect(try Tensor([1, 3, 5]).searchSorted(Tensor([3]), right: true).integers() == [2])
    #expect(try Tensor([Float(4), 1, 3]).median().item() == 3)
    #expect(try Tensor([Float(1), 2, 3, 4]).quantile(0.5).item() == 2.5)
    #expect(try Tensor([Float.nan, 1, .infinity]).isNaN().array() == [true, false, false])
    #expect(try Tensor([Float.nan, 1, .infinity]).isFinite().array() == [false, true, false])
    let (largest, places) = try Tensor([Float(1), 5, 2, 0], shape: [2, 2]).max(1)
    #expect(try largest.floats() == [5, 2] && places.integers() == [1, 0])
  }

  @Test("linear algebra undoes itself")
  func linearAlgebra() throws {
    let generator = try Generator(seed: 1)
    let a = try Tensor.normal([4, 4], generator, dtype: .float64)
    let spd = try a.matmul(a.T) + Tensor.eye(4, dtype: .float64)
    let b = try Tensor.normal([4, 2], generator, dtype: .float64)
    let x = try spd.solve(b)
    expectClose(try spd.matmul(x), b)
    expectClose(try b.choleskySolve(factor: spd.cholesky()), x)
    expectClose(try spd.inverse().matmul(b), x)
    expectClose(try spd.pseudoInverse().matmul(b), x)
    expectClose(try spd.leastSquares(b), x)
    let (values, vectors) = try spd.symmetricEigen()
    expectClose(try (vectors * values).matmul(vectors.T), spd)
    expectClose(try values.log().sum().exp(), try spd.determinant(), relative: 1e-9)
    expectClose(try values.sum(), try spd.trace(), relative: 1e-9)
    let (q, r) = try a.qr()
    expectClose(try q.matmul(r), a)
    let (u, s, vh) = try b.svd()
    expectClose(try (u * s).matmul(vh), b)
    expectClose(try Tensor.einsum("ij,jk->ik", [a, b]), try a.matmul(b))
    #expect(try Tensor([1, 2]).kronecker(Tensor([1, 10])).integers() == [1, 10, 2, 20])
  }
}
