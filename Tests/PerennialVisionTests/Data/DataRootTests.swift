import Foundation
import Testing

@testable import Perennial
@testable import PerennialVision

@Suite("The data root")
struct DataRootTests {
  private let folder: TestFolder

  init() throws { folder = try TestFolder() }

  @Test("is the argument, else the environment, else ./data")
  func order() {
    let environment = ["PERENNIAL_DATA": "/from/environment"]
    #expect(DataRoot("/given", environment: environment).url.path == "/given")
    #expect(DataRoot("/given", environment: environment).origin == .argument)
    #expect(DataRoot(environment: environment).url.path == "/from/environment")
    #expect(DataRoot(environment: environment).origin == .environment)
    #expect(DataRoot(environment: ["PERENNIAL_DATA": ""]).origin == .standard)
    #expect(DataRoot(environment: [:]).url.lastPathComponent == "data")
  }

  @Test("finds a set under each of its folders")
  func folders() throws {
    try folder.write("MNIST/raw/x", [])
    #expect(try folder.root.folder(of: "mnist").path == folder.url.path + "/MNIST/raw")
  }

  @Test("a missing set says where it was looked for, who decided, and how to get it")
  func missing() throws {
    let cases = [
      (DataRoot(folder.url.path, environment: [:]), "given with --data"),
      (DataRoot(environment: ["PERENNIAL_DATA": folder.url.path]), "given by PERENNIAL_DATA"),
      (DataRoot(environment: [:]), "neither --data nor PERENNIAL_DATA is set"),
    ]
    for (root, reason) in cases {
      let error = #expect(throws: MissingDataError.self) { try ImageDataset.named("kmnist", root: root) }
      let text = try #require(error).description
      for part in [
        reason, root.url.path, "`perennial data fetch kmnist`", "--data DIR", "PERENNIAL_DATA=DIR",
      ] {
        #expect(text.contains(part), "\(text) lacks \(part)")
      }
    }
  }

  @Test("a set with a missing file names the file")
  func file() throws {
    try folder.write("mnist/train-images-idx3-ubyte.gz", TestArchives.gzip(TestArchives.idx([1, 1, 1], [0])))
    let error = #expect(throws: MissingDataError.self) { try ImageDataset.mnist(folder.root) }
    #expect(error?.wanted.contains("train-labels-idx1-ubyte.gz") == true)
  }

  @Test("an unknown name lists the known ones")
  func unknown() {
    let error = #expect(throws: UnknownDatasetError.self) {
      try ImageDataset.named("minst", root: DataRoot())
    }
    #expect(error?.description.contains("mnist, fashion-mnist") == true)
  }
}
