import Foundation

extension RunResults {
  /// The name of the file in a run folder.
  public static let fileName = "results.json"

  /// The text of `results.json`: keys in the order of the documentation, one row of a matrix a line.
  /// - Throws: `EncodingError` naming the key of a number that is NaN or infinite.
  public func json() throws -> String { try OrderedJSON.text(self) + "\n" }

  /// Writes the file, or replaces it in one step.
  /// - Throws: `AtomicFileError` when it cannot be written, `EncodingError` for a number that JSON cannot hold.
  public func write(to url: URL) throws {
    try AtomicFile.write(Data(try json().utf8), to: url)
  }

  /// Reads a `results.json`, or the one in a run folder.
  /// - Throws: `ResultsError` naming the file, and the key where something is missing or makes no sense.
  public init(contentsOf url: URL) throws {
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
    let file = isFolder.boolValue ? url.appendingPathComponent(Self.fileName) : url
    let data: Data
    do {
      data = try Data(contentsOf: file)
    } catch {
      let exists = FileManager.default.fileExists(atPath: file.path)
      let reason = exists ? "it cannot be opened" : "there is no such file"
      throw ResultsError.unreadable(file: file.path, reason: reason)
    }
    try self.init(data: data, file: file.path)
  }

  /// Reads the bytes of a `results.json`; `file` is the name for error messages.
  public init(data: Data, file: String) throws {
    do {
      self = try JSONDecoder().decode(RunResults.self, from: data)
    } catch let error as UnsupportedSchema {
      throw ResultsError.unsupportedSchema(file: file, found: error.found)
    } catch let error as DecodingError {
      throw ResultsError(error, file: file)
    }
    try validate(file: file)
  }

  /// Beyond this a number in a matrix is damage, not a score.
  private static let largestScore = 1e9

  private func validate(file: String) throws {
    func require(_ condition: Bool, _ key: String, _ expected: String, _ found: Any) throws {
      guard condition else {
        throw ResultsError.wrongValue(file: file, key: key, expected: expected, found: "\(found)")
      }
    }
    let columns = stream.experiences.count
    try require(columns > 0, "stream.experiences", "at least one experience", "none")
    try require(
      stream.testExamples.count == columns, "stream.test_examples", "\(columns) numbers",
      stream.testExamples.count)
    for (place, size) in stream.testExamples.enumerated() {
      try require(
        (0...1_000_000_000_000).contains(size), "stream.test_examples[\(place)]", "the size of a test set",
        size)
    }
    for (index, run) in runs.enumerated() {
      let key = "runs[\(index)]"
      try require(!run.matrix.isEmpty, "\(key).matrix", "at least one row", "none")
      for (name, matrix) in [("matrix", run.matrix), ("task_masked_matrix", run.taskMaskedMatrix ?? [])] {
        for (i, row) in matrix.enumerated() {
          try require(row.count == columns, "\(key).\(name)[\(i)]", "\(columns) numbers", row.count)
          let wild = row.first { abs($0) > Self.largestScore }
          try require(wild == nil, "\(key).\(name)[\(i)]", "scores", wild ?? 0)
        }
      }
      if let masked = run.taskMaskedMatrix {
        try require(
          masked.count == run.matrix.count, "\(key).task_masked_matrix", "\(run.matrix.count) rows",
          masked.count)
      }
      if let first = run.randomInit {
        try require(first.count == columns, "\(key).random_init", "\(columns) numbers", first.count)
      }
    }
  }
}
