import Foundation

/// The folder that one run of a recipe fills: `<out>/<recipe>/<time>/`, with `recipe.yaml`, `results.json`,
/// `events.jsonl`, `report.html` and `checkpoints/`.
///
/// Whoever holds a `RunFolder` is the only one who writes to it: the folder is locked until the object is
/// released or the process ends, however it ends.
public final class RunFolder {
  /// The folder.
  public let url: URL
  private let lock: FolderLock

  /// The recipe as it was resolved.
  public var recipe: URL { url.appendingPathComponent(Self.recipeName) }
  /// Everything measured.
  public var results: URL { url.appendingPathComponent(RunResults.fileName) }
  /// One line for each event.
  public var events: URL { url.appendingPathComponent("events.jsonl") }
  /// The report for people.
  public var report: URL { url.appendingPathComponent("report.html") }
  /// Where checkpoints lie; the folder is there from the start.
  public var checkpoints: URL { Self.checkpoints(in: url) }

  private static func checkpoints(in folder: URL) -> URL {
    folder.appendingPathComponent("checkpoints", isDirectory: true)
  }

  /// The trained model of an arm, alone, once it has run.
  public func student(of arm: String, seed: Int) -> URL { Self.student(of: arm, seed: seed, in: url) }

  static func student(of arm: String, seed: Int, in folder: URL) -> URL {
    checkpoints(in: folder).appendingPathComponent("\(arm)-\(seed).safetensors")
  }

  /// What an arm has scored, once it has run.
  func record(of arm: String, seed: Int) -> URL {
    checkpoints.appendingPathComponent("\(arm)-\(seed).record.json")
  }

  /// What is recorded of an arm: `nil` where it has not run to its end, or the record cannot be read.
  func recorded(_ arm: String, seed: Int) -> AccuracyMatrix? {
    guard let data = try? Data(contentsOf: record(of: arm, seed: seed)) else { return nil }
    return try? JSONDecoder().decode(AccuracyMatrix.self, from: data)
  }

  /// How many of a recipe's runs, arms times seeds, have reached their end.
  public func finishedRuns(of recipe: Recipe) -> Int {
    recipe.arms.reduce(0) { sum, arm in
      sum + recipe.seeds.filter { recorded(arm.name, seed: $0) != nil }.count
    }
  }

  /// Whether the run has reached its end.
  public var isFinished: Bool { Self.isFinished(url) }

  /// The name of the resolved recipe.
  public static let recipeName = "recipe.yaml"
  private static let finishedName = "finished"

  private init(_ url: URL) throws {
    self.url = url
    do {
      lock = try FolderLock(url)
    } catch FolderLock.Failure.held(let process) {
      throw RunFolderError.inUse(path: url.path, process: process)
    } catch FolderLock.Failure.system(let code) {
      throw RunFolderError(url, code: code)
    }
  }

  /// Starts a run: makes the folder, locks it and writes the recipe into it.
  ///
  /// - Parameters:
  ///   - recipe: What is run.
  ///   - out: The folder that takes runs; made where there is none.
  ///   - time: When the run starts; names the folder, in UTC.
  /// - Throws: ``RunFolderError`` or ``AtomicFileError`` where nothing can be written.
  public static func create(for recipe: Recipe, in out: URL, at time: Date = Date()) throws -> RunFolder {
    let parent = out.appendingPathComponent(recipe.name, isDirectory: true)
    try makeFolders(parent)
    let name = folderName(time)
    for attempt in 1...99 {
      let suffix = attempt == 1 ? "" : (attempt < 10 ? "-0\(attempt)" : "-\(attempt)")
      let url = parent.appendingPathComponent(name + suffix, isDirectory: true)
      guard mkdir(url.path, 0o755) == 0 else {
        guard errno == EEXIST else { throw RunFolderError(url, code: errno) }
        continue
      }
      let folder = try RunFolder(url)
      try makeFolders(folder.checkpoints)
      try AtomicFile.write(Data(recipe.yaml.utf8), to: folder.recipe)
      return folder
    }
    throw RunFolderError.crowded(path: parent.appendingPathComponent(name).path)
  }

  /// Opens the newest run of exactly this recipe that has not reached its end.
  ///
  /// - Returns: The locked folder, `nil` where every run of the recipe is finished.
  /// - Throws: ``RunFolderError/inUse(path:process:)`` when a living process is still writing that run.
  public static func newestUnfinished(for recipe: Recipe, in out: URL) throws -> RunFolder? {
    let parent = out.appendingPathComponent(recipe.name, isDirectory: true)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent.path)) ?? []
    for name in names.sorted(by: >) {
      let url = parent.appendingPathComponent(name, isDirectory: true)
      guard !isFinished(url), let written = try? Data(contentsOf: url.appendingPathComponent(recipeName)),
        try Recipe.sha256(of: written) == recipe.sha256
      else { continue }
      let folder = try RunFolder(url)
      try makeFolders(folder.checkpoints)
      for place in [folder.url, folder.checkpoints] { AtomicFile.removeLeftovers(in: place) }
      return folder
    }
    return nil
  }

  /// Records that the run has reached its end, so that nothing resumes it.
  ///
  /// - Throws: ``AtomicFileError`` where nothing can be written.
  public func finish(at time: Date = Date()) throws {
    try AtomicFile.write(
      Data((time.formatted(.iso8601) + "\n").utf8), to: url.appendingPathComponent(Self.finishedName))
  }

  private static func isFinished(_ url: URL) -> Bool {
    FileManager.default.fileExists(atPath: url.appendingPathComponent(finishedName).path)
  }

  /// `2026-03-01T10-20-30`: sorts by time, and every file system takes it.
  private static func folderName(_ time: Date) -> String {
    time.formatted(.iso8601.dateTimeSeparator(.standard)).replacing(":", with: "-").replacing("Z", with: "")
  }

  private static func makeFolders(_ url: URL) throws {
    var path = ""
    for component in url.standardizedFileURL.pathComponents {
      path = path.isEmpty || path == "/" ? path + component : "\(path)/\(component)"
      guard path != "/", mkdir(path, 0o755) != 0 else { continue }
      let code = errno
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
        throw RunFolderError(URL(fileURLWithPath: path), code: code == EEXIST ? ENOTDIR : code)
      }
    }
    guard access(url.path, W_OK) == 0 else { throw RunFolderError(url, code: errno) }
  }
}
