import Testing
import Torch

@Suite("Operations give PyTorch's values and gradients")
struct OperationTests {
  @Test("value and gradients", arguments: OperationTable.values.keys.sorted())
  func value(_ name: String) throws {
    let golden = try Golden("ops")[name]
    let operation = try #require(OperationTable.values[name])
    try golden.track()
    try golden.check(try operation(golden), absolute: 1e-5)
  }

  @Test("values, places and gradients", arguments: OperationTable.valuesAndIndices.keys.sorted())
  func valuesAndIndices(_ name: String) throws {
    let golden = try Golden("ops")[name]
    let operation = try #require(OperationTable.valuesAndIndices[name])
    try golden.track()
    let (values, indices) = try operation(golden)
    try golden.check(values)
    expectSame(indices, try golden["indices"], "indices")
  }

  @Test("every case of the golden file has its line")
  func complete() throws {
    let known = Set(OperationTable.values.keys).union(OperationTable.valuesAndIndices.keys)
    #expect(try Golden("ops").cases == known)
  }
}
