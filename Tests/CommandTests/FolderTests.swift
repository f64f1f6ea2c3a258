import Foundation
import Testing

/// Folders that cannot take a run, from the start or in the middle of it.
@Suite struct FolderTests {
  static let recipe = """
    stream: {data: digits, experiences: 2}
    model: {mlp: {hidden: [400, 400]}}
    training: {optimizer: {adam: {lr: 0.001}}, batch: 16, steps: 10, checkpoint_every: 2}
    strategies: {finetune: []}
    seeds: [0]
    """

  @Test(arguments: ["/dev/null/runs", "/proc/runs", "/proc"]) func anUnwritableFolderIsToldAtOnce(
    path: String
  ) throws {
    let run = try TestRun(Self.recipe)
    let ending = try Program.run("run", run.recipe.path, "--out", path)
    #expect(ending.status == 1, "\(ending)")
    #expect(ending.errors.contains("perennial: cannot write the run folder"))
    #expect(ending.errors.contains("--out"))
  }

  @Test func aFileInTheWay() throws {
    let run = try TestRun(Self.recipe)
    try run.folder.write("in the way", "runs/test")
    let ending = try run.learn()
    #expect(ending.status == 1)
    #expect(
      ending.errors.contains("cannot write the run folder: \(run.out)/test is a file; choose another folder"))
  }

  /// File systems report a full disk in the same way as a file that has reached its largest size.
  @Test func aFileThatCannotGrowStopsTheRunAndKeepsWhatWasThere() throws {
    let run = try TestRun(Self.recipe)
    let command = (["trap '' XFSZ; ulimit -f 2000; exec", Program.url.path] + run.arguments).joined(
      separator: " ")
    let shell = URL(fileURLWithPath: "/bin/sh")
    let ending = try Program(["-c", command], executable: shell).wait()
    try expectGracefulStop(ending, run, "File too large")
    try finish(run)
  }

  @Test(.enabled(if: FullDisk.isPossible, "mounting a file system needs root"))
  func aFullDiskStopsTheRunAndKeepsWhatWasThere() throws {
    let run = try TestRun(Self.recipe)
    try FileManager.default.createDirectory(atPath: run.out, withIntermediateDirectories: true)
    let disk = try #require(FullDisk(at: run.out, kilobytes: 1500))
    let ending = try run.learn()
    try expectGracefulStop(ending, run, "No space left on device; free some space or choose another folder")
    try #require(disk.resize(kilobytes: 100_000))
    try finish(run)
  }

  @Test(.enabled(if: FullDisk.isPossible, "mounting a file system needs root"))
  func aDiskThatIsFullFromTheStart() throws {
    let run = try TestRun(Self.recipe)
    try FileManager.default.createDirectory(atPath: run.out, withIntermediateDirectories: true)
    let disk = try #require(FullDisk(at: run.out, kilobytes: 4))
    let ending = try run.learn()
    #expect(ending.status == 1, "\(ending)")
    #expect(ending.errors.contains("No space left") || ending.errors.contains("the disk is full"))
    withExtendedLifetime(disk) {}
  }

  @Test func aRunFolderThatIsTakenAway() throws {
    let run = try TestRun(Self.recipe.replacing("steps: 10", with: "steps: 1000000"))
    let program = try run.start()
    run.wait(for: 3, of: program)
    // The program may be putting a file into it at this moment.
    for folder in run.runs { while (try? FileManager.default.removeItem(at: folder)) == nil { usleep(100) } }
    let ending = try program.wait()
    #expect(ending.status == 1, "\(ending)")
    // Which call meets the gap first is a matter of moments; all of them name the folder.
    #expect(ending.errors.contains("/checkpoints"), "\(ending.errors)")
    #expect(ending.errors.contains("No such file or directory"), "\(ending.errors)")
  }

  /// A run that could not write stopped by itself, said why, and left no half-written files.
  private func expectGracefulStop(_ ending: Program.Ending, _ run: TestRun, _ reason: String) throws {
    #expect(ending.status == 1, "\(ending)")
    #expect(ending.errors.contains(reason), "\(ending.errors)")
    #expect(ending.errors.contains("failed after step"))
    let left = try FileManager.default.contentsOfDirectory(atPath: run.run().path + "/checkpoints")
    #expect(!left.contains { $0.hasSuffix(".tmp") }, "\(left)")
  }

  /// With room again, the run goes on to the results of one that never lacked any.
  private func finish(_ run: TestRun) throws {
    let rest = try run.learn("--resume")
    #expect(rest.status == 0, "\(rest.errors)")
    let undisturbed = try TestRun(Self.recipe)
    #expect(try undisturbed.learn().status == 0)
    try Learned(run.run()).expectSame(as: Learned(undisturbed.run()))
  }
}

/// A small file system in memory, mounted on a folder.
final class FullDisk {
  private let path: String

  /// Whether this process may mount: root outside of a restricted container.
  static let isPossible: Bool = {
    guard getuid() == 0, let folder = try? TestFolder() else { return false }
    return FullDisk(at: folder.path, kilobytes: 100) != nil
  }()

  init?(at path: String, kilobytes: Int) {
    self.path = path
    guard Self.shell("mount -t tmpfs -o size=\(kilobytes)k perennial-test '\(path)'") else { return nil }
  }

  func resize(kilobytes: Int) -> Bool { Self.shell("mount -o remount,size=\(kilobytes)k '\(path)'") }

  deinit { _ = Self.shell("umount '\(path)'") }

  private static func shell(_ command: String) -> Bool {
    let program = try? Program(["-c", "\(command) 2>/dev/null"], executable: URL(fileURLWithPath: "/bin/sh"))
    return (try? program?.wait())?.status == 0
  }
}
