import Foundation
import Testing

@testable import Perennial

@Suite struct RecipeRunFolderTests {
  private let out = URL(fileURLWithPath: NSTemporaryDirectory())
    .appendingPathComponent("run-folder-\(UUID().uuidString)")
  private let recipe: Recipe
  private let noon = Date(timeIntervalSince1970: 1_772_362_830)

  init() throws { recipe = try Recipe(yaml: RecipeSample.yaml, source: "r.yaml") }

  private func removing<Value>(_ body: () throws -> Value) rethrows -> Value {
    defer { try? FileManager.default.removeItem(at: out) }
    return try body()
  }

  @Test func aRunIsAFolderWithItsRecipe() throws {
    try removing {
      let folder = try RunFolder.create(for: recipe, in: out, at: noon)
      #expect(folder.url.path == out.path + "/split-mnist/class/2026-03-01T11-00-30")
      #expect(try Recipe(contentsOf: folder.recipe).sha256 == recipe.sha256)
      var isFolder: ObjCBool = false
      #expect(FileManager.default.fileExists(atPath: folder.checkpoints.path, isDirectory: &isFolder))
      #expect(isFolder.boolValue)
      #expect(!folder.isFinished)
    }
  }

  @Test func runsOfTheSameSecondGetTheirOwnFolders() throws {
    try removing {
      let first = try RunFolder.create(for: recipe, in: out, at: noon)
      let second = try RunFolder.create(for: recipe, in: out, at: noon)
      #expect(second.url.lastPathComponent == first.url.lastPathComponent + "-02")
    }
  }

  @Test func theNewestUnfinishedRunIsResumed() throws {
    try removing {
      #expect(try RunFolder.newestUnfinished(for: recipe, in: out) == nil)
      for second in 0..<3 {
        let folder = try RunFolder.create(for: recipe, in: out, at: noon + Double(second))
        if second == 2 { try folder.finish() }
      }
      let found = try RunFolder.newestUnfinished(for: recipe, in: out)
      #expect(found?.url.lastPathComponent == "2026-03-01T11-00-31")
      try found?.finish()
      #expect(found?.isFinished == true)
      #expect(
        try RunFolder.newestUnfinished(for: recipe, in: out)?.url.lastPathComponent == "2026-03-01T11-00-30")
    }
  }

  @Test func anotherRecipeIsNotResumed() throws {
    try removing {
      _ = try RunFolder.create(for: recipe, in: out, at: noon)
      let other = try Recipe(yaml: RecipeSample.yaml, source: "r.yaml", changes: [.seeds([9])])
      #expect(try RunFolder.newestUnfinished(for: other, in: out) == nil)
      #expect(try RunFolder.newestUnfinished(for: recipe, in: out) != nil)
    }
  }

  @Test func aFolderWithoutItsRecipeIsPassedOver() throws {
    try removing {
      let folder = try RunFolder.create(for: recipe, in: out, at: noon)
      try FileManager.default.removeItem(at: folder.recipe)
      #expect(try RunFolder.newestUnfinished(for: recipe, in: out) == nil)
    }
  }

  @Test func twoProcessesCannotWriteOneRun() throws {
    try removing {
      let folder = try RunFolder.create(for: recipe, in: out, at: noon)
      let path = folder.url.path
      _ = withExtendedLifetime(folder) {
        #expect(throws: RunFolderError.inUse(path: path, process: getpid())) {
          try RunFolder.newestUnfinished(for: recipe, in: out)
        }
      }
    }
  }

  @Test func aReleasedRunCanBeTaken() throws {
    try removing {
      var folder: RunFolder? = try RunFolder.create(for: recipe, in: out, at: noon)
      #expect(folder != nil)
      folder = nil
      #expect(try RunFolder.newestUnfinished(for: recipe, in: out) != nil)
    }
  }

  @Test func aFileInTheWayIsNamed() throws {
    try removing {
      try Data().write(to: out)
      #expect(throws: RunFolderError.notAFolder(path: out.path)) {
        try RunFolder.create(for: recipe, in: out, at: noon)
      }
    }
  }

  #if os(Linux)
    @Test func aFolderThatNobodyMayWriteIsNamed() {
      #expect {
        _ = try RunFolder.create(for: recipe, in: URL(fileURLWithPath: "/proc/perennial"), at: noon)
      } throws: {
        "\($0)".hasPrefix("cannot write the run folder /proc/perennial: ") && "\($0)".hasSuffix("with --out")
      }
    }
  #endif

  @Test func theReasonOfTheSystemIsTold() {
    let url = URL(fileURLWithPath: "/runs/a")
    #expect(RunFolderError(url, code: ENOSPC) == .full(path: "/runs/a"))
    #expect(RunFolderError(url, code: EDQUOT) == .full(path: "/runs/a"))
    #expect("\(RunFolderError(url, code: ENOSPC))".contains("the disk is full; free some space"))
    #expect(RunFolderError(url, code: EACCES) == .unwritable(path: "/runs/a", reason: "Permission denied"))
    #expect("\(RunFolderError.inUse(path: "/runs/a", process: 7))".contains("is being written by process 7"))
  }
}
