import Foundation
import Testing
import Torch

/// What `--resume` does besides going on: hints, starts, refusals, damage.
@Suite struct ResumeTests {
  static let recipe = """
    stream: {data: digits, scenario: class, experiences: 2}
    model: {mlp: {hidden: [16]}}
    training: {optimizer: {adam: {lr: 0.005}}, batch: 16, steps: 120, checkpoint_every: 10}
    strategies: {finetune: [], replay: [{replay: {memory: 30}}]}
    seeds: [0]
    """
  /// Too long to end within any test.
  static let endless = recipe.replacing("steps: 120", with: "steps: 100000000")

  /// A run that was stopped on its way, after two checkpoints at least.
  private func stoppedRun(_ recipe: String = recipe, signal: Int32 = SIGINT) throws -> (
    TestRun, Program.Ending
  ) {
    let run = try TestRun(recipe)
    let program = try run.start()
    run.wait(for: 6, of: program)
    program.send(signal)
    let ending = try program.wait()
    try #require(ending.status == 128 + signal, "\(ending)")
    return (run, ending)
  }

  /// The checkpoints of a run that is under way, oldest first.
  private func checkpoints(_ run: URL) throws -> [URL] {
    let folder = run.appendingPathComponent("checkpoints")
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.contains("@") }
      .sorted()
      .map { folder.appendingPathComponent($0) }
  }

  @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
  func theHintGoesOn(signal: Int32, status: Int32) throws {
    let (run, ending) = try stoppedRun(Self.endless, signal: signal)
    #expect(ending.status == status)
    #expect(ending.output == "")
    #expect(ending.errors.contains("finetune seed 0: stopped after step"))
    #expect(ending.errors.contains("the run is in \(run.out)/test/"))
    let hint = try #require(ending.errors.split(separator: "\n").first { $0.hasPrefix("go on with: ") })
    let command = String(hint.dropFirst("go on with: ".count))
    let before = run.eventCount
    let program = try Program(["-c", "exec \(command)"], executable: URL(fileURLWithPath: "/bin/sh"))
    run.wait(for: before + 2, of: program)
    program.send(SIGTERM)
    let second = try program.wait()
    #expect(second.status == 143)
    #expect(second.errors.contains("finetune seed 0: goes on at step"))
    #expect(run.runs.count == 1)
  }

  @Test func finishedArmsAreCountedAgain() throws {
    let run = try TestRun(
      """
      stream: {data: digits, scenario: class, experiences: 2}
      model: {mlp: {hidden: [16]}}
      training: {optimizer: {adam: {lr: 0.005}}, batch: 16, steps: 5, checkpoint_every: 10}
      strategies: {finetune: [], replay: {strategies: [{replay: {memory: 30}}], training: {steps: 100000000}}}
      seeds: [0]
      """)
    for title in ["[2/2] replay seed 0: started", "[2/2] replay seed 0: goes on at step"] {
      let program = try run.start("--resume")
      let before = run.eventCount
      run.wait(for: before + 20, of: program)
      program.send(SIGINT)
      let ending = try program.wait()
      #expect(ending.status == 130)
      #expect(ending.errors.contains(title), "\(ending.errors)")
    }
    #expect(run.runs.count == 1)
  }

  @Test func anotherNumberOfThreadsIsWarnedOf() throws {
    let run = try TestRun(Self.endless)
    for (threads, isWarned) in [("1", false), ("2", true)] {
      let before = run.eventCount
      let program = try run.start("--resume", "--threads", threads)
      run.wait(for: before + 6, of: program)
      program.send(SIGINT)
      let ending = try program.wait()
      #expect(ending.status == 130)
      #expect(ending.errors.contains("began with --threads 1 and goes on with 2") == isWarned)
    }
  }

  @Test func whereThereIsNothingToResumeARunStarts() throws {
    let run = try TestRun(Self.recipe)
    #expect(try run.learn("--resume", "--set", "training.steps=3").status == 0)
    #expect(run.runs.count == 1)
    // The first is finished, so this is another one.
    #expect(try run.learn("--resume", "--set", "training.steps=3").status == 0)
    #expect(run.runs.count == 2)
    try Learned(run.runs[0]).expectSame(as: Learned(run.runs[1]))
  }

  @Test func anotherRecipeIsAnotherRun() throws {
    let (run, _) = try stoppedRun()
    let other = try run.learn("--resume", "--set", "training.steps=4")
    #expect(other.status == 0)
    #expect(other.errors.contains("finetune seed 0: started"))
    #expect(run.runs.count == 2)
    let own = try run.learn("--resume")
    #expect(own.status == 0)
    #expect(own.errors.contains("finetune seed 0: goes on at step"))
    #expect(run.runs.count == 2)
  }

  @Test func twoProgramsDoNotShareARun() throws {
    let run = try TestRun(Self.endless)
    let first = try run.start()
    run.wait(for: 2, of: first)
    let second = try run.learn("--resume")
    #expect(second.status == 1)
    #expect(second.errors.contains("is being written by process \(first.identifier); wait for it"))
    let third = try run.start()
    while run.runs.count < 2, third.isRunning { usleep(1000) }
    #expect(run.runs.count == 2)
    for program in [first, third] {
      program.send(SIGKILL)
      #expect(try program.wait().signal == SIGKILL)
    }
  }

  /// Ways to damage the checkpoints of a run, and how many warnings each is worth.
  enum Damage: CaseIterable {
    case flippedBit, truncated, emptied, both, record

    func harm(_ checkpoints: [URL]) throws -> Int {
      let newest = try #require(checkpoints.last)
      var data = try Data(contentsOf: newest)
      switch self {
      case .flippedBit: data[data.count * 2 / 3] ^= 4
      case .truncated: data = data.prefix(data.count / 2)
      case .emptied: data = Data()
      case .both:
        for url in checkpoints { try Data("no checkpoint".utf8).write(to: url) }
        return checkpoints.count
      case .record:
        let folder = newest.deletingLastPathComponent()
        try Data("{".utf8).write(to: folder.appendingPathComponent("finetune-0.record.json"))
        return 0
      }
      try data.write(to: newest)
      return 1
    }
  }

  @Test(arguments: Damage.allCases) func damageIsToldAndRepaired(damage: Damage) throws {
    let (run, _) = try stoppedRun()
    let folder = try run.run()
    let all = try checkpoints(folder)
    #expect(all.count == 2)
    let count = try damage.harm(all)
    let ending = try run.learn("--resume")
    #expect(ending.status == 0, "\(ending.errors)")
    #expect(ending.errors.components(separatedBy: "is damaged; going back").count - 1 == count)
    let undisturbed = try TestRun(Self.recipe)
    #expect(try undisturbed.learn().status == 0)
    try Learned(folder).expectSame(as: Learned(undisturbed.run()))
  }

  @Test func theCheckpointOfAnotherRecipeIsRefused() throws {
    let (other, _) = try stoppedRun(Self.recipe.replacing("hidden: [16]", with: "hidden: [8]"))
    let (run, _) = try stoppedRun()
    let folder = try run.run()
    for url in try checkpoints(folder) { try FileManager.default.removeItem(at: url) }
    for url in try checkpoints(other.run()) {
      let place = folder.appendingPathComponent("checkpoints").appendingPathComponent(url.lastPathComponent)
      try FileManager.default.copyItem(at: url, to: place)
    }
    let ending = try run.learn("--resume")
    #expect(ending.status == 1)
    #expect(ending.errors.contains("is a checkpoint of another recipe"))
    #expect(try checkpoints(folder).count == 2)
  }

  @Test func whatAKilledProgramLeftHalfWrittenGoes() throws {
    let (run, _) = try stoppedRun()
    let folder = try run.run()
    let left = folder.appendingPathComponent("checkpoints/.finetune-0@0000000020-00.safetensors.1a2b.tmp")
    try Data(count: 1000).write(to: left)
    #expect(try run.learn("--resume").status == 0)
    #expect(!FileManager.default.fileExists(atPath: left.path))
  }

  /// Matrix libraries round differently, and which is faster is measured anew where the answers were lost.
  @Test func theMatrixLibraryStays() throws {
    let caches = try TestFolder()
    func cache(_ answer: LinearBackend) throws -> [String: String?] {
      let rows = (0...11).map { 1 << $0 }
      let keys = rows.flatMap { ["\($0)x64x512", "\($0)x512x512"] }
      let answers = Dictionary(uniqueKeysWithValues: keys.map { ($0, answer) })
      let name = "\(answer.rawValue)/perennial/linear-\(Runtime.version)-1.json"
      try caches.write(JSONEncoder().encode(answers), name)
      return ["XDG_CACHE_HOME": caches.url(answer.rawValue).path]
    }
    let recipe = """
      stream: {data: digits, experiences: 2}
      model: {mlp: {hidden: [512, 512]}}
      training: {optimizer: {adam: {lr: 0.001}}, batch: 64, steps: 60, checkpoint_every: 4}
      strategies: {finetune: []}
      seeds: [0]
      """
    let undisturbed = try TestRun(recipe)
    #expect(try undisturbed.learn(environment: cache(.oneDNN)).status == 0)
    let run = try TestRun(recipe)
    let program = try run.start(environment: cache(.oneDNN))
    run.wait(for: 3, of: program)
    program.send(SIGKILL)
    #expect(try program.wait().signal == SIGKILL)
    let rest = try run.learn("--resume", environment: cache(.blas))
    #expect(rest.errors.contains("goes on at step"))
    try Learned(run.run()).expectSame(as: Learned(undisturbed.run()))
  }

  @Test func aSecondSignalStopsAtOnceAndLosesNothing() throws {
    let run = try TestRun(Self.endless)
    let program = try run.start()
    run.wait(for: 4, of: program)
    for _ in 0..<2000 where program.isRunning {
      program.send(SIGINT)
      usleep(1000)
    }
    #expect(try program.wait().status == 130)
    let next = try run.start("--resume")
    run.wait(for: run.eventCount + 1, of: next)
    next.send(SIGINT)
    let ending = try next.wait()
    #expect(ending.status == 130)
    #expect(ending.errors.contains("finetune seed 0: goes on at step"))
  }
}
