import Foundation
import TestSupport
import Testing
import Torch

@testable import PerennialVision

@Suite("CSV")
struct TableTests {
  private let folder: TestFolder

  init() throws { folder = try TestFolder() }

  private func csv(_ text: String) throws -> URL { try folder.write("t.csv", text.utf8) }

  private func failure(_ text: String, _ change: (inout CSVOptions) -> Void = { _ in }) throws -> FileError? {
    var options = CSVOptions()
    change(&options)
    let file = try csv(text)
    return #expect(throws: FileError.self) { try LabeledTable.csv(file, options: options) }
  }

  private func classes(_ table: LabeledTable) -> [Int] {
    if case .classes(let labels, _) = table.targets { labels } else { [] }
  }

  private func names(_ table: LabeledTable) -> [String] {
    if case .classes(_, let names) = table.targets { names } else { [] }
  }

  @Test("the last column is the label, classes are sorted")
  func standard() throws {
    let table = try LabeledTable.csv(csv("a,b,kind\n1,2.5,cat\n-3,4e2,ant\n0, 7 ,cat\n"))
    #expect(table.features.shape == [3, 2])
    #expect(try table.features.array(of: Float.self) == [1, 2.5, -3, 400, 0, 7])
    #expect(table.featureNames == ["a", "b"])
    #expect(classes(table) == [1, 0, 1])
    #expect(names(table) == ["ant", "cat"])
  }

  @Test("numbers as classes are in numerical order")
  func numericalOrder() throws {
    #expect(names(try LabeledTable.csv(csv("a,k\n1,10\n1,9\n1,-1\n"))) == ["-1", "9", "10"])
  }

  @Test("columns go by name, by number, and in the order given")
  func columns() throws {
    var options = CSVOptions()
    options.label = "b"
    options.features = [-1, "a"]
    let table = try LabeledTable.csv(csv("a,b,c\n1,x,3\n4,y,6\n"), options: options)
    #expect(try table.features.array(of: Float.self) == [3, 1, 6, 4])
    #expect(table.featureNames == ["c", "a"])
    options = CSVOptions()
    options.hasHeader = false
    options.delimiter = ";"
    options.label = 0
    options.ignored = [1]
    let bare = try LabeledTable.csv(csv("x;8;3\ny;9;6"), options: options)
    #expect(try bare.features.array(of: Float.self) == [3, 6])
    #expect(bare.featureNames == ["2"])
  }

  @Test("targets of a regression are values")
  func regression() throws {
    var options = CSVOptions()
    options.task = .regression
    let table = try LabeledTable.csv(csv("a,y\n1,0.5\n2,-1\n"), options: options)
    guard case .values(let values) = table.targets else {
      Issue.record("values are expected")
      return
    }
    #expect(try values.array(of: Float.self) == [0.5, -1])
    #expect(try failure("a,y\n1,high\n") { $0.task = .regression }?.place == .row(1, column: "y"))
  }

  @Test("quotes, Windows line ends, empty lines and a byte order mark are understood")
  func dialects() throws {
    let table = try LabeledTable.csv(csv("\u{feff}\"a\",\"k\"\r\n\"1\",\"x, y\"\r\n\r\n2,z\r\n"))
    #expect(try table.features.array(of: Float.self) == [1, 2])
    #expect(table.featureNames == ["a"])
    #expect(names(table) == ["x, y", "z"])
  }

  @Test("a compressed file is read as it is")
  func compressed() throws {
    let file = try folder.write("t.csv.gz", TestArchives.gzip(Array("a,k\n1,x\n".utf8)))
    #expect(try LabeledTable.csv(file).count == 1)
  }

  @Test("missing values, wrong numbers and short rows name row and column")
  func places() throws {
    let missing = try failure("a,b,k\n1,2,x\n1,?,x\n")
    #expect(
      missing?.description.hasSuffix(
        "t.csv, in row 2, column b: a missing value '?'; fill it, or leave out the column or the row") == true
    )
    #expect(try failure("a,k\n1,x\n,x\n")?.place == .row(2, column: "a"))
    #expect(try failure("a,k\n1,\n")?.kind == .empty)
    #expect(try failure("a,k\n1,")?.place == .row(1, column: "k"))
    #expect(try failure("a,k\none,x\n")?.message == "'one' is no finite number")
    #expect(try failure("a,k\n1e99,x\n")?.kind == .range)
    let short = try failure("a,b,k\n1,2,x\n1,x\n")
    #expect(short?.place == .row(2, column: nil))
    #expect(short?.message == "2 cells; the other rows have 3")
    #expect(try failure("a,k\n\"1,x\n")?.kind == .corrupt)
  }

  @Test("columns that are not there list those that are")
  func missingColumns() throws {
    #expect(try failure("a,k\n1,x\n") { $0.label = "class" }?.message == "no column 'class'; there are a, k")
    #expect(try failure("a,k\n1,x\n") { $0.label = 2 }?.kind == .missing)
    #expect(try failure("a,k\n1,x\n") { $0.label = -3 }?.kind == .missing)
    #expect(
      try failure("a,k\n1,x\n") {
        $0.hasHeader = false; $0.label = "k"
      }?.message.contains("without a header") == true)
    #expect(try failure("a,k\n1,x\n") { $0.features = ["a", "k"] }?.kind == .mismatch)
    #expect(try failure("a,k\n1,x\n") { $0.ignored = ["a"] }?.kind == .empty)
    #expect(try failure("")?.kind == .empty)
    #expect(try failure("a,k\n")?.kind == .empty)
  }

  @Test("text that is not UTF-8 is refused")
  func encoding() throws {
    let file = try folder.write("t.csv", [0x61, 0x2c, 0x6b, 0x0a, 0xff, 0xfe, 0x2c, 0x78])
    let error = #expect(throws: FileError.self) { try LabeledTable.csv(file) }
    #expect(error?.kind == .format)
  }

  @Test("one file is cut in two, by class or by time")
  func cuts() throws {
    let rows = (0..<10).map { "\($0),\($0 % 2)\n" }.joined()
    let byClass = try TableDataset.csv(csv("a,k\n" + rows))
    #expect(try byClass.test.features.array(of: Float.self) == [8, 9])
    #expect(byClass.name == "t")
    let byTime = try TableDataset.csv(csv("a,k\n" + rows), cut: .last, fraction: 0.3)
    #expect(try byTime.test.features.array(of: Float.self) == [7, 8, 9])
    for fraction in [0, 1, -1, .infinity, .nan] {
      for cut in [TableDataset.Cut.last, .lastOfEachClass] {
        #expect(throws: FileError.self) {
          try TableDataset.csv(csv("a,k\n" + rows), cut: cut, fraction: fraction)
        }
      }
    }
    #expect(throws: FileError.self) { try TableDataset.csv(csv("a,k\n" + rows), cut: .last, fraction: 0.01) }
  }

  @Test("a test file may lack classes, and may not have new ones")
  func testFile() throws {
    let test = try folder.write("test.csv", "a,k\n5,y\n".utf8)
    let dataset = try TableDataset.csv(csv("a,k\n1,x\n2,y\n"), test: test)
    #expect(classes(dataset.test) == [1])
    try folder.write("test.csv", "a,k\n5,z\n".utf8)
    let error = #expect(throws: FileError.self) { try TableDataset.csv(csv("a,k\n1,x\n2,y\n"), test: test) }
    #expect(error?.place == .row(1, column: "k"))
    #expect(error?.message == "the class 'z'; known are x, y")
  }

  @Test("damaged files never crash")
  func fuzz() throws {
    let text = Array("a,b,k\n1,2,\"x\"\n3.5,-4,\"y \"\"z\"\"\"\n5,6,x\n".utf8)
    var errors = 0
    for bytes in FileMutations(of: text, count: 200) {
      do {
        let table = try LabeledTable.csv(folder.write("t.csv", bytes))
        #expect(table.features.shape[1] == table.featureNames.count)
      } catch is FileError {
        errors += 1
      }
    }
    #expect(errors > 50)
  }
}
