import Foundation
import Testing
import Torch

@testable import Perennial
@testable import PerennialVision

/// Data sets as recipes name them.
@Suite struct DataSourcesTests {
  private let folder: TestFolder
  private let sources: DataSources

  init() throws {
    folder = try TestFolder()
    sources = DataSources(root: folder.root)
  }

  private func source(_ yaml: String) throws -> DataSource {
    try sources.source(Selection(ConfigurationNode(yaml: yaml, source: "recipe.yaml")))
  }

  private func counts(_ examples: Examples) throws -> [Int: Int] {
    try examples.targets.integers().reduce(into: [:]) { $0[$1, default: 0] += 1 }
  }

  @Test func digitsAreBytesThatBecomeFractions() throws {
    let digits = try source("digits")
    #expect(digits.name == "digits")
    #expect(digits.train.count + digits.test.count == 1797)
    #expect(digits.train.inputs.shape == [digits.train.count, 1, 8, 8])
    #expect(digits.train.inputs.dtype == .uint8)
    let all = try digits.pipeline(
      digits.train.inputs, Tensor.arange(0, digits.train.count), augmentation: nil
    ).array(of: Float.self)
    #expect(all.min() == 0 && all.max() == 1)
  }

  @Test func normalisationIsByTheTrainingImages() throws {
    let digits = try source("digits: {normalize: true}")
    func moments(_ examples: Examples) throws -> (mean: Double, deviation: Double) {
      let values = try digits.pipeline(
        examples.inputs, Tensor.arange(0, examples.count), augmentation: nil
      ).array(of: Float.self).map(Double.init)
      let mean = values.reduce(0, +) / Double(values.count)
      let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      return (mean, square.squareRoot())
    }
    let train = try moments(digits.train)
    #expect(abs(train.mean) < 1e-4 && abs(train.deviation - 1) < 1e-4)
    let test = try moments(digits.test)
    #expect(abs(test.mean) > 1e-4 || abs(test.deviation - 1) > 1e-4)
  }

  @Test func imagesArePaddedAndLimited() throws {
    let digits = try source("digits: {pad: 12, limit: 5}")
    #expect(digits.train.inputs.shape == [50, 1, 12, 12])
    #expect(try counts(digits.train) == Dictionary(uniqueKeysWithValues: (0..<10).map { ($0, 5) }))
    #expect(try digits.test.count == source("digits").test.count)
    #expect(try digits.test.inputs.select(0, dim: 2).sum().item() == 0)
    #expect(throws: (any Error).self) { try source("digits: {pad: 6}") }
  }

  @Test func theSameChoiceIsReadOnce() throws {
    try folder.write("t.csv", "a,b\n1,0\n2,1\n3,0\n4,1\n5,0\n6,1\n".utf8)
    let first = try source("csv: {path: t.csv}")
    try FileManager.default.removeItem(at: folder.url.appendingPathComponent("t.csv"))
    #expect(try source("csv: {path: t.csv}").train.inputs === first.train.inputs)
    // Another choice is another reading; a student's and a teacher's are at hand, and no third.
    #expect(throws: FileError.self) { try source("csv: {path: t.csv, label: b}") }
    #expect(try source("csv: {path: t.csv}").train.inputs === first.train.inputs)
    for other in ["u", "v"] {
      try folder.write("\(other).csv", "a,b\n1,0\n2,1\n3,0\n4,1\n5,0\n6,1\n".utf8)
      _ = try source("csv: {path: \(other).csv}")
    }
    #expect(throws: FileError.self) { try source("csv: {path: t.csv}") }
  }

  @Test func columnsAreScaledByTheTrainingRows() throws {
    let rows = (0..<50).map { "\($0 * 100),7,\($0 % 2 == 0 ? "even" : "odd")\n" }.joined()
    try folder.write("t.csv", "size,same,kind\n\(rows)".utf8)
    let table = try source("csv: {path: t.csv}")
    #expect(table.name == "t")
    #expect(table.train.inputs.shape == [40, 2] && table.test.inputs.shape == [10, 2])
    let values = try table.train.inputs.array(of: Float.self)
    let sizes = stride(from: 0, to: values.count, by: 2).map { Double(values[$0]) }
    #expect(abs(sizes.reduce(0, +)) < 1e-3)
    #expect(abs(sizes.reduce(0) { $0 + $1 * $1 } / 40 - 1) < 1e-3)
    // A column that never changes says nothing, and must not blow up.
    #expect(stride(from: 1, to: values.count, by: 2).allSatisfy { values[$0] == 0 })
    #expect(try counts(table.train) == [0: 20, 1: 20])
    #expect(try table.test.inputs.array(of: Float.self)[0] > 1.5)
  }

  @Test func theLabelGoesByNameOrPlace() throws {
    try folder.write("t.csv", (0..<20).map { "\($0 % 4),\($0)\n" }.joined().utf8)
    for label in ["0", "'0'"] {
      let table = try source("csv: {path: t.csv, header: false, label: \(label)}")
      #expect(try counts(table.train) == [0: 4, 1: 4, 2: 4, 3: 4])
    }
    try folder.write("n.csv", ("kind,x\n" + (0..<20).map { "\($0 % 4),\($0)\n" }.joined()).utf8)
    #expect(try counts(source("csv: {path: n.csv, label: kind}").train) == [0: 4, 1: 4, 2: 4, 3: 4])
  }

  @Test func valuesStayInTheOrderOfTime() throws {
    try folder.write("t.csv", ("x,y\n" + (0..<20).map { "\($0),\(Double($0) / 2)\n" }.joined()).utf8)
    let table = try source("csv: {path: t.csv, regression: true}")
    #expect(table.train.targets.dtype == .float32)
    #expect(try table.test.targets.array(of: Float.self) == [8, 8.5, 9, 9.5])
  }

  @Test func pathsAreBelowTheRootUnlessAbsolute() throws {
    let file = try folder.write("deep/t.csv", "a,b\n1,0\n2,1\n3,0\n4,1\n".utf8)
    #expect(try source("csv: {path: deep/t.csv}").train.count == 2)
    let elsewhere = DataSources(root: DataRoot("/nowhere", environment: [:]))
    let node = try ConfigurationNode(yaml: "csv: {path: \(file.path)}", source: "r")
    #expect(try elsewhere.source(Selection(node)).train.count == 2)
  }

  @Test(arguments: [
    ("digitz", "recipe.yaml:1: unknown data set `digitz`, did you mean `digits`?"),
    ("digits: {limit: 0}", "limit"), ("digits: {pad: 0}", "pad"), ("digits: {normalise: true}", "normalize"),
    ("csv", "missing key `path`"), ("folder: {size: 3}", "missing key `path`"),
    ("npz: {}", "missing key `path`"),
    ("folder: {path: a, size: 0}", "size"),
  ])
  func aWrongChoiceIsTold(yaml: String, message: String) {
    let error = #expect(throws: ConfigurationError.self) { try source(yaml) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }
}
