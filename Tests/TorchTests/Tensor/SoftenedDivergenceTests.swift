import Testing

@testable import Torch

@Suite("The divergence of softened distributions, in one node")
struct SoftenedDivergenceTests {
  /// Shapes on both sides of the number of logits from which on libtorch's operators are used.
  static let shapes = [[1, 1], [64, 4], [5, 33], [300, 40]]

  private func formula(_ student: Tensor, _ teacher: Tensor, _ temperature: Double) throws -> Tensor {
    let (s, t) = (try (student / temperature).logSoftmax(), try (teacher / temperature).logSoftmax())
    return try s.klDivergence(target: t, targetIsLog: true).sum([1])
  }

  private func logits(_ shape: [Int], _ seed: UInt64, _ dtype: DType = .float32) throws -> Tensor {
    try Tensor.normal(shape, Generator(seed: seed), dtype: dtype) * 3
  }

  @Test("values and slopes are those of the formula", arguments: shapes, [0.5, 1, 4])
  func formula(_ shape: [Int], _ temperature: Double) throws {
    let teacher = try logits(shape, 1)
    let weights = try Tensor.uniform([shape[0]], Generator(seed: 3))
    let (a, b) = (try logits(shape, 2), try logits(shape, 2))
    for student in [a, b] { try student.setRequiresGrad(true) }
    let found = try a.softenedDivergence(from: teacher, temperature: temperature)
    let expected = try formula(b, teacher, temperature)
    expectClose(found, expected, absolute: 2e-5)
    let slope = try gradients(of: (found * weights).sum(), withRespectTo: [a])[0]
    expectClose(
      slope, try gradients(of: (expected * weights).sum(), withRespectTo: [b])[0], absolute: 2e-6)
    #expect(try shape[1] == 1 || slope.abs().sum().item() > 0)
  }

  @Test("columns that the teacher does not know take no part", arguments: [64, 2000])
  func columns(_ rows: Int) throws {
    let teacher = try logits([rows, 4], 1)
    let (a, b) = (try logits([rows, 9], 2), try logits([rows, 9], 2))
    for student in [a, b] { try student.setRequiresGrad(true) }
    let found = try a.softenedDivergence(from: teacher, at: 3, temperature: 2)
    let expected = try formula(b.narrow(dim: 1, start: 3, count: 4), teacher, 2)
    expectClose(found, expected, absolute: 2e-5)
    let slope = try gradients(of: found.sum(), withRespectTo: [a])[0]
    expectClose(slope, try gradients(of: expected.sum(), withRespectTo: [b])[0], absolute: 2e-6)
    #expect(try slope.narrow(dim: 1, start: 7, count: 2).abs().sum().item() == 0)
  }

  @Test("logits far from 0, in any layout and type")
  func extremes() throws {
    let student = try Tensor([1e4, -1e4, 0, 80, 90, 100] as [Float]).reshape([2, 3])
    let teacher = try Tensor([0, -1e4, 1e4, -80, -90, -100] as [Float]).reshape([2, 3])
    expectClose(
      try student.softenedDivergence(from: teacher, temperature: 1), try formula(student, teacher, 1),
      relative: 1e-5)
    let (wide, other) = (try logits([3, 6], 1, .float64), try logits([3, 6], 2, .float64))
    expectClose(
      try wide.T.softenedDivergence(from: other.T, temperature: 3), try formula(wide.T, other.T, 3))
    let (narrow, taught) = (try wide.to(.float32), try other.to(.float32))
    expectClose(
      try narrow.T.softenedDivergence(from: taught.T, temperature: 3), try formula(narrow.T, taught.T, 3),
      absolute: 1e-5)
  }

  @Test("the derivative of the derivative is there", arguments: [5, 700])
  func second(_ rows: Int) throws {
    let teacher = try logits([rows, 6], 1)
    func twice(_ loss: (Tensor) throws -> Tensor) throws -> Tensor {
      let student = try logits([rows, 8], 2)
      try student.setRequiresGrad(true)
      let slope = try gradients(of: loss(student).sum(), withRespectTo: [student], createGraph: true)[0]
      return try gradients(of: slope.square().sum(), withRespectTo: [student])[0]
    }
    let found = try twice { try $0.softenedDivergence(from: teacher, at: 1, temperature: 2) }
    let expected = try twice { try formula($0.narrow(dim: 1, start: 1, count: 6), teacher, 2) }
    expectClose(found, expected, absolute: 1e-6)
    #expect(try found.abs().sum().item() > 0.01)
  }

  @Test("what is infinite or no number is what the formula makes of it", arguments: [3, 2000])
  func infinities(_ rows: Int) throws {
    let (student, teacher) = (try logits([rows, 3], 1), try logits([rows, 3], 2))
    try student.select(0, dim: 0).copy(from: Tensor([-Float.infinity, 0, 1]))
    try teacher.select(1, dim: 0).copy(from: Tensor([-Float.infinity, 0, 1]))
    try student.select(2, dim: 0).copy(from: Tensor([Float.nan, 0, 1]))
    let (found, expected) = (
      try student.softenedDivergence(from: teacher, temperature: 2), try formula(student, teacher, 2)
    )
    for (a, b) in zip(try found.floats(), try expected.floats()) {
      #expect(a == b || a.isNaN && b.isNaN || abs(a - b) < 1e-5)
    }
    #expect(try found[0].item() == .infinity)
  }

  @Test("nothing flows to the teacher, and shapes and temperatures that make no sense are errors")
  func errors() throws {
    let (student, teacher) = (try logits([4, 5], 1), try logits([4, 3], 2))
    try teacher.setRequiresGrad(true)
    #expect(try !student.softenedDivergence(from: teacher, at: 2, temperature: 1).requiresGrad)
    expectError(.shape, "[4, 3]", "[4, 5]") { try student.softenedDivergence(from: teacher, temperature: 1) }
    expectError(.shape, "from 3") { try student.softenedDivergence(from: teacher, at: 3, temperature: 1) }
    expectError(.shape) {
      try student.softenedDivergence(from: logits([1, 5], 3), temperature: 1)
    }
    expectError(.shape) { try student.softenedDivergence(from: teacher, at: -1, temperature: 1) }
    expectError(.shape) { try student.softenedDivergence(from: teacher, at: .max, temperature: 1) }
    expectError(.dtype) { try student.softenedDivergence(from: logits([4, 5], 3, .float64), temperature: 1) }
    #expect(throws: TorchError.self) { try student.softenedDivergence(from: student, temperature: 0) }
    #expect(try logits([0, 5], 1).softenedDivergence(from: logits([0, 5], 1), temperature: 1).shape == [0])
  }
}
