import Foundation
import Testing

/// Data that is missing, damaged or not what the recipe says: one line that tells where, exit status 1, no crash.
@Suite struct BadDataTests {
  private let data: TestFolder

  init() throws {
    data = try TestFolder()
    try FakeMNIST().write(in: data)
  }

  private func run(_ stream: String, objective: String = "classification") throws -> TestRun {
    try TestRun(
      """
      stream: \(stream)
      model: {mlp: {hidden: [8]}}
      objective: \(objective)
      training: {optimizer: adam, batch: 8, steps: 3}
      strategies: {finetune: []}
      seeds: [0]
      """)
  }

  /// Expects a failure that is told in one line and leaves no run folder.
  private func expectFailure(
    _ stream: String, says words: String..., status: Int32 = 1,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try run(stream)
    let ending = try run.learn("--data", data.path)
    #expect(ending.status == status, "\(ending)", sourceLocation: sourceLocation)
    #expect(ending.output == "", sourceLocation: sourceLocation)
    let lines = ending.errors.split(separator: "\n").filter { !$0.contains("debug build") }
    #expect(lines.count == 1, "\(ending.errors)", sourceLocation: sourceLocation)
    for word in words {
      #expect(ending.errors.contains(word), "\(ending.errors)", sourceLocation: sourceLocation)
    }
    #expect(run.runs.isEmpty, sourceLocation: sourceLocation)
  }

  private static let mnist = "{data: mnist, experiences: 5}"

  @Test func theFakeIsSound() throws {
    let ending = try run(Self.mnist).learn("--data", data.path)
    #expect(ending.status == 0, "\(ending.errors)")
  }

  @Test func missingDataSaysWhereItLookedAndWhatHelps() throws {
    let run = try run("{data: kmnist, experiences: 5}")
    let given = try run.learn("--data", data.path)
    #expect(given.status == 1)
    #expect(given.errors.contains("The data set 'kmnist' is missing: no kmnist"))
    #expect(given.errors.contains("in \(data.path)"))
    #expect(given.errors.contains("given with --data"))
    #expect(given.errors.contains("`perennial data fetch kmnist` downloads it"))
    let variable = try run.learn(environment: ["PERENNIAL_DATA": data.path])
    #expect(variable.errors.contains("given by PERENNIAL_DATA"))
    let standard = try run.learn()
    #expect(standard.status == 1)
    #expect(standard.errors.contains("neither --data nor PERENNIAL_DATA is set"))
    #expect(run.runs.isEmpty)
  }

  @Test func theEnvironmentNamesTheData() throws {
    #expect(try run(Self.mnist).learn(environment: ["PERENNIAL_DATA": data.path]).status == 0)
  }

  @Test func aMissingFileIsNamed() throws {
    try FileManager.default.removeItem(at: data.url("mnist/t10k-labels-idx1-ubyte"))
    try expectFailure(Self.mnist, says: "t10k-labels-idx1-ubyte", "perennial data fetch mnist")
  }

  /// What a file may hold instead of what it should, and what is said of it.
  @Test(arguments: [
    ("train-images-idx3-ubyte", FakeMNIST.idx([60, 8, 8], [], magic: 0x5089_4e47), "not an IDX file"),
    ("train-images-idx3-ubyte", FakeMNIST.idx([60, 8, 8], [], magic: 0xd03), "elements of type 0d"),
    (
      "train-images-idx3-ubyte", FakeMNIST.idx([60], [UInt8](repeating: 0, count: 60)),
      "1 dimensions instead of 3"
    ),
    ("train-images-idx3-ubyte", FakeMNIST.idx([60, 80, 80], [1, 2, 3]), "announce more than the 3 bytes"),
    (
      "train-images-idx3-ubyte", FakeMNIST.idx([.max, .max, .max], [1, 2, 3]),
      "announce more than the 3 bytes"
    ),
    ("train-images-idx3-ubyte", FakeMNIST.idx([0, 8, 8], []), "0 images"),
    (
      "train-images-idx3-ubyte", FakeMNIST.idx([60, 1, 1], [UInt8](repeating: 0, count: 61)), "1 bytes after"
    ),
    ("train-images-idx3-ubyte", Data([0, 0]), "ends before its magic number"),
    ("train-images-idx3-ubyte", Data(), "ends before its magic number"),
    (
      "train-labels-idx1-ubyte", FakeMNIST.idx([59], [UInt8](repeating: 0, count: 59)),
      "59 labels for the 60 images"
    ),
    (
      "train-labels-idx1-ubyte", FakeMNIST.idx([60], [UInt8](repeating: 3, count: 59) + [10]),
      "the label 10; allowed are 0 to 9"
    ),
  ])
  func aDamagedFileIsNamed(file: String, content: Data, message: String) throws {
    try data.write(content, "mnist/\(file)")
    try expectFailure(Self.mnist, says: file, message)
  }

  @Test(arguments: [40, 5, 0]) func cutCompressionIsTold(length: Int) throws {
    let digits = try #require(try Self.compressed)
    try FileManager.default.removeItem(at: data.url("mnist/train-images-idx3-ubyte"))
    try data.write(digits.prefix(length), "mnist/train-images-idx3-ubyte.gz")
    try expectFailure(Self.mnist, says: "train-images-idx3-ubyte.gz")
  }

  @Test func damagedCompressionIsTold() throws {
    var bytes = try #require(try Self.compressed)
    bytes[bytes.count / 2] ^= 0xff
    try FileManager.default.removeItem(at: data.url("mnist/train-images-idx3-ubyte"))
    try data.write(bytes, "mnist/train-images-idx3-ubyte.gz")
    try expectFailure(Self.mnist, says: "train-images-idx3-ubyte.gz")
  }

  /// The training images, compressed by the system's own program; nil where there is none.
  private static var compressed: Data? {
    get throws {
      let folder = try TestFolder()
      let file = try folder.write(FakeMNIST.images(FakeMNIST().labels.train), "images")
      let ending = try Program(
        ["-c", "gzip -k '\(file.path)'"], executable: URL(fileURLWithPath: "/bin/sh")
      ).wait()
      return ending.status == 0 ? try Data(contentsOf: folder.url("images.gz")) : nil
    }
  }

  @Test func anExperienceWithoutExamplesIsNoExperience() throws {
    var set = FakeMNIST()
    set.labels.train = set.labels.train.filter { $0 < 8 }
    try set.write(in: data)
    try expectFailure(Self.mnist, says: "experience 8,9 has no training examples")
    set.labels = ((0..<60).map { $0 % 10 }, (0..<20).map { $0 % 4 })
    try set.write(in: data)
    try expectFailure(Self.mnist, says: "experience 4,5 has no test examples")
  }

  // MARK: - Tables

  private static let csv = "{data: {csv: {path: t.csv}}, experiences: 2}"

  @Test(arguments: [
    ("a,b,label\n1,2,0\n3,4\n", "t.csv"),
    ("a,b,label\n1,2,0\n3,x,1\n", "t.csv"),
    ("a,b,label\n1,2,0\n3,,1\n", "t.csv"),
    ("a,b,label\n1,inf,0\n3,2,1\n", "t.csv"),
    ("a,b,label\n", "t.csv"),
    ("", "t.csv"),
    ("\u{0}\u{1}\u{2}", "t.csv"),
    ("a,b,label\n1,2,0\n3,4,1\n", "2 rows cannot be cut into training and testing"),
    ("a,b,label\n1,2,0\n3,4,0\n5,6,1\n", "experience 1 has no test examples"),
  ])
  func aWrongTableIsTold(text: String, message: String) throws {
    try data.write(text, "t.csv")
    try expectFailure(Self.csv, says: message)
  }

  @Test func moreExperiencesThanClassesInATable() throws {
    try data.write("a,label\n" + (0..<20).map { "\($0),\($0 % 2)\n" }.joined(), "t.csv")
    try expectFailure(
      "{data: {csv: {path: t.csv}}, experiences: 3}", says: "recipe.yaml:2: stream.experiences: ",
      "3 experiences cannot be made of 2 classes", status: 65)
    try expectFailure(
      "{data: {csv: {path: none.csv}}, experiences: 2}", says: "\(data.path)/none.csv")
    try expectFailure(
      "{data: {csv: {path: t.csv, label: sort}}, experiences: 2}",
      says: "no column 'sort'; there are a, label")
    try expectFailure(
      "{data: {csv: {path: t.csv, regression: true}}, experiences: 2}", says: "stream.scenario",
      "targets are no class labels", status: 65)
  }

  @Test(arguments: ["", "PK\u{3}\u{4}", "not a zip"]) func aWrongArchiveIsTold(text: String) throws {
    try data.write(text, "images.npz")
    try expectFailure("{data: {npz: {path: images.npz}}, experiences: 2}", says: "images.npz")
  }

  @Test func aFolderOfImagesThatHasNone() throws {
    try data.write("no image", "images/cat/1.png")
    try expectFailure("{data: {folder: {path: images}}, experiences: 1}", says: "images")
    try expectFailure("{data: {folder: {path: nowhere}}, experiences: 1}", says: "nowhere")
  }
}
