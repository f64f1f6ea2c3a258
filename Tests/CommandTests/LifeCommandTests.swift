import Foundation
import PerennialText
import TestSupport
import Testing

/// Model directories from the command line, under bad circumstances too.
@Suite struct LifeCommandTests {
  private let folder: TestFolder
  private var model: String { folder.url("model").path }

  init() throws {
    folder = try TestFolder()
    let made = try run(
      "init", model, "--model", "{mlp: {hidden: [16]}}", "--inputs", "{table: {columns: 2}}", "--set",
      "training.epochs=5", "--set", "training.checkpoint_every=2")
    try #require(made.status == 0, "\(made.errors)")
  }

  private func run(_ arguments: String...) throws -> Program.Ending { try Program.run(arguments) }

  /// A table of two labels, told apart by the first number.
  @discardableResult
  private func rows(_ name: String, _ range: Range<Int>) throws -> String {
    let lines = range.map { index in
      "\(index % 2 == 0 ? 1 : -1).\(index % 50),0.\(index),\(index % 2 == 0 ? "even" : "odd"),row-\(index)"
    }
    return try folder.write("a,b,label,id\n" + lines.joined(separator: "\n") + "\n", name).path
  }

  private func current() throws -> String {
    try String(contentsOf: folder.url("model/CURRENT"), encoding: .utf8)
  }

  @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
  func anUpdateThatIsStoppedGoesOn(signal: Int32, status: Int32) throws {
    let monday = try rows("monday.csv", 0..<60)
    let before = try current()
    let command = ["learn", model, monday, "--set", "training.epochs=100000000"]
    let program = try Program(command)
    let work = folder.url("model/work").path
    let deadline = Date().addingTimeInterval(120)
    while program.isRunning, Date() < deadline,
      (try? FileManager.default.contentsOfDirectory(atPath: work).isEmpty) != false
    {
      usleep(5000)
    }
    program.send(signal)
    let stopped = try program.wait()
    #expect(stopped.status == status, "\(stopped)")
    #expect(stopped.errors.contains("the same command goes on where it stopped"), "\(stopped)")
    #expect(try current() == before)
    // The same command goes on, to an end that a budget gives it.
    let second = try run("learn", model, "--set", "training.epochs=100000000", "--set", "budget.seconds=1")
    #expect(second.status == 0 && second.output.contains("version 1 serves"), "\(second)")
    #expect(second.errors.contains("goes on after step"), "\(second)")
  }

  @Test func aDayInItsLife() throws {
    let monday = try rows("monday.csv", 0..<60)
    let dry = try run("learn", model, monday, "--dry-run", "--json")
    #expect(dry.status == 0 && dry.output.contains("\"dry-run\""), "\(dry.errors)")
    let learned = try run("learn", model, monday)
    #expect(learned.status == 0 && learned.output.contains("version 1 serves"), "\(learned.errors)")
    let score = try run("evaluate", model, "--on", rows("test.csv", 1000..<1020), "--json")
    #expect(score.status == 0 && score.output.contains("\"accuracy\": 1.0"), "\(score.output)")
    // Everything upside down is refused, and tells so by its status.
    let poison = try String(contentsOfFile: rows("poison.csv", 100..<160), encoding: .utf8)
      .replacing("even", with: "x").replacing("odd", with: "even").replacing("x,row", with: "odd,row")
    let refused = try run(
      "learn", model, folder.write(poison, "poison.csv").path, "--set", "strategies=[]", "--set",
      "training.epochs=40")
    #expect(refused.status == 3 && refused.output.contains("FAILED"), "\(refused.output)\(refused.errors)")
    let forced = try run(
      "learn", model, "--retry", "--force", "a test", "--set", "strategies=[]", "--set",
      "training.epochs=40")
    #expect(forced.status == 0 && forced.output.contains("version 2 serves, against the gate"))
    #expect(try run("rollback", model, "--to", "1", "--reason", "it was poison").status == 0)
    let forgotten = try run("forget", model, "--id", "row-3", "--json")
    #expect([0, 3].contains(forgotten.status), "\(forgotten.errors)")
    #expect(try run("forget", model, "--id", "row-3").status == 1)
    let history = try run("history", model)
    #expect(history.status == 0 && history.output.contains("versions:"))
    let audit = try run("history", model, "--audit")
    #expect(audit.status == 0 && audit.output.contains("rollback"))
    #expect(!audit.output.contains("row-3"))
  }

  @Test func aVersionIsTakenElsewhere() throws {
    let out = folder.url("onnx").path
    #expect(try run("export", model).errors.contains("has not learned anything"))
    try #require(try run("learn", model, rows("monday.csv", 0..<60)).status == 0)
    let ended = try run("export", model, "--check", "--quantize", "int8", "--out", out)
    #expect(ended.status == 0 && ended.output.contains("model.onnx"), "\(ended)")
    #expect(ended.output.contains("differs from the model by at most") && ended.output.contains("accuracy"))
    #expect(folder.names("onnx") == ["README.md", "model.onnx"])
    let card = try String(contentsOf: folder.url("onnx/README.md"), encoding: .utf8)
    for words in ["Version 1 of a model", "| 1 | learn |", "| finite | passed |", "replay", "| version 1 |"] {
      #expect(card.contains(words), "\(words) in \(card)")
    }
    let weights = try run("export", model, "--format", "safetensors", "--version", "1", "--out", "\(out)-2")
    #expect(weights.status == 0, "\(weights.errors)")
    #expect(folder.names("onnx-2") == ["README.md", "config.json", "model.safetensors"])
    #expect(
      try run("export", model, "--version", "9").errors.contains("there is no version 9; kept are 0, 1"))
  }

  @Test func aSmallerStudentIsMadeAndJudged() throws {
    #expect(try run("distill", model, "--student", "tiny").errors.contains("has not learned anything"))
    try #require(try run("learn", model, rows("monday.csv", 0..<200)).status == 0)
    let student = folder.url("student").path
    let made = try run("distill", model, "--student", "tiny", "--out", student, "--json")
    #expect([0, 3].contains(made.status), "\(made)")
    for key in ["\"teacher\"", "\"student\"", "\"millisecondsRatio\"", "\"parameters\"", "\"accuracy\""] {
      #expect(made.output.contains(key), "\(key) in \(made.output)")
    }
    // Named by its size where nothing else is said.
    let forced = try run("distill", model, "--student", "{mlp: {hidden: [5]}}", "--force", "a test")
    #expect(forced.status == 0 && forced.output.contains("student takes"), "\(forced)")
    let other = folder.url("model-student").path
    #expect(try String(contentsOfFile: other + "/life.yaml", encoding: .utf8).contains("hidden: [5]"))
    #expect(try run("history", other, "--check").status == 0)
    #expect(try run("evaluate", other, "--on", rows("test.csv", 1000..<1020)).status == 0)
    #expect(try run("history", model, "--audit").output.contains("distill"))
    #expect(try run("learn", other, rows("tuesday.csv", 300..<360), "--force", "a test").status == 0)
    #expect(
      try run("distill", model, "--student", "tiny", "--out", other).errors.contains("is there already"))
    #expect(try run("distill", model).status == 64)
    #expect(try run("distill", folder.url("recipe.yaml").path, "--student", "tiny").status == 64)
    #expect(try run("distill", model, "--student", "nonsense", "--out", folder.url("c").path).status == 65)
  }

  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["PERENNIAL_MINILM"] != nil,
      "PERENNIAL_MINILM does not name a folder of all-MiniLM-L6-v2"))
  func aSmallerEncoderIsTaught() throws {
    let encoder = try #require(ProcessInfo.processInfo.environment["PERENNIAL_MINILM"])
    let (intents, small) = (folder.url("intents").path, folder.url("intents-tiny").path)
    try #require(try run("init", intents, "--model", encoder, "--inputs", "{text: {length: 16}}").status == 0)
    let words = ["card": "my card is lost", "money": "send some money", "balance": "what do I have left"]
    let lines = words.sorted { $0.key < $1.key }.flatMap { label, text in
      (0..<20).map { #"{"text": "\#(text), number \#($0)", "label": "\#(label)", "id": "\#(label)-\#($0)"}"# }
    }
    let file = try folder.write(lines.joined(separator: "\n"), "monday.jsonl").path
    try #require(try run("learn", intents, file).status == 0)
    let made = try run("distill", intents, "--student", "tiny", "--force", "a test")
    #expect(made.status == 0, "\(made)")
    // One layer of six: the student's files hold no others.
    #expect(try !String(contentsOfFile: small + "/life.yaml", encoding: .utf8).contains("layers"))
    #expect(try ModelFolder(folder.url("intents-tiny/model")).configuration(of: BERT.self).layers == 1)
    func weights(_ name: String) throws -> Int {
      try Data(contentsOf: folder.url("\(name)/model/model.safetensors"), options: .mappedIfSafe).count
    }
    #expect(try Double(weights("intents-tiny")) < 0.65 * Double(weights("intents")))
    // Counted heads stay: a new label is learned in one pass, and taken out exactly.
    let more = (0..<20).map { #"{"text": "bye, see you at \#($0)", "label": "bye", "id": "bye-\#($0)"}"# }
    let tuesday = try folder.write(more.joined(separator: "\n"), "tuesday.jsonl").path
    #expect(try run("learn", small, tuesday, "--force", "a test").status == 0)
    #expect(try run("history", small, "--check").status == 0)
    let manifests = try folder.names("intents-tiny/versions").map {
      try String(contentsOf: folder.url("intents-tiny/versions/\($0)"), encoding: .utf8)
    }
    #expect(manifests.count == 3 && manifests[1].contains("\"teacher\""))
    let out = folder.url("onnx").path
    let exported = try run("export", small, "--check", "--out", out)
    #expect(exported.status == 0, "\(exported)")
    let card = try String(contentsOfFile: out + "/README.md", encoding: .utf8)
    #expect(card.contains("taught by | version 1 of another directory"), "\(card)")
  }

  @Test func killedTeachingLeavesNoStudent() throws {
    try #require(try run("learn", model, rows("monday.csv", 0..<400)).status == 0)
    var random = SplitMix(state: 11)
    var hits = 0
    let name = "student"
    for _ in 0..<5 {
      let program = try Program([
        "distill", model, "--student", "tiny", "--out", folder.url(name).path, "--set", "training.epochs=200",
        "--threads", "1",
      ])
      let before = unfinished(name)
      for _ in 0..<8000 where program.isRunning && unfinished(name).allSatisfy(before.contains) {
        usleep(1000)
      }
      usleep(UInt32.random(in: 0...300_000, using: &random))
      program.send(SIGKILL)
      if try program.wait().signal == SIGKILL { hits += 1 }
      #expect(!FileManager.default.fileExists(atPath: folder.url(name).path))
      #expect(try run("history", model, "--check").status == 0)
    }
    #expect(hits > 0, "no signal met a running program")
    let left = unfinished(name)
    #expect(left.count == 1, "what was killed is beside its place until the next one comes")
    let stopped = try Program([
      "distill", model, "--student", "tiny", "--out", folder.url(name).path, "--set", "training.epochs=200",
    ])
    for _ in 0..<8000 where stopped.isRunning && unfinished(name).allSatisfy(left.contains) { usleep(1000) }
    usleep(100_000)
    stopped.send(SIGTERM)
    let ending = try stopped.wait()
    #expect(ending.status == 143 && ending.errors.contains("there is no student"), "\(ending)")
    #expect(unfinished(name).isEmpty && !folder.names("").contains(name))
    let made = try run(
      "distill", model, "--student", "tiny", "--out", folder.url(name).path, "--force", "a test")
    #expect(made.status == 0 && unfinished(name).isEmpty, "\(made)")
  }

  /// Students that are being made, or were.
  private func unfinished(_ name: String) -> [String] {
    folder.names("").filter { $0.hasPrefix(".\(name).") }
  }

  @Test func anchorsInvariantsLabelsAndBudgetsAreReachedFromTheTerminal() throws {
    try #require(try run("learn", model, rows("monday.csv", 0..<60)).status == 0)
    // A suite frozen by hand judges every candidate.
    let gold = try run("evaluate", model, "--on", rows("gold.csv", 2000..<2020), "--keep-as", "gold")
    #expect(gold.status == 0 && gold.errors.contains("20 inputs are frozen as `gold`"), "\(gold)")
    // Answers that must hold.
    try folder.write("a,b,label\n1.5,0.1,odd\n", "model/invariants.csv")
    let broken = try run("learn", model, rows("tuesday.csv", 100..<160))
    #expect(broken.status == 3 && broken.output.contains("invariants: 1 of 1 are broken"), "\(broken.output)")
    #expect(broken.output.contains("anchor gold"))
    try folder.write("a,b,label\n1.5,0.1,even\n", "model/invariants.csv")
    let kept = try run("learn", model, "--retry")
    #expect(kept.status == 0 && kept.output.contains("invariants: 1 hold"), "\(kept)")
    // A budget ends the training, and what was learned by then is judged.
    let short = try run(
      "learn", model, rows("wednesday.csv", 200..<260), "--set", "budget.steps=2", "--force", "a test")
    #expect(short.output.contains("the budget ended the training after 2 steps"), "\(short)")
    let memory = try run("learn", model, rows("thursday.csv", 300..<360), "--set", "budget.memory=1 MiB")
    #expect(
      memory.status == 1 && memory.errors.contains("the budget is 1 MiB; nothing was changed"), "\(memory)")
    // Taken in now, learned later.
    let later = try run("learn", model, rows("friday.csv", 400..<420), "--later")
    #expect(later.status == 0 && later.output.contains("to learn"), "\(later)")
    #expect(try run("history", model).output.contains("pending"))
    #expect(try run("learn", model, "--force", "a test").output.contains("serves"))
    // Labels change without any input.
    let merged = try run("learn", model, "--merge", "odd=uneven", "--json")
    #expect(merged.status == 0, "\(merged)")
    let said = try run("evaluate", model, "--on", rows("test.csv", 1000..<1020))
    #expect(said.output.contains("never learned: odd"), "\(said.output)")
    #expect(try run("rollback", model, "--to", "1", "--relearn").status == 0)
    #expect(try run("history", model, "--json").output.contains("\"pending\""))
    #expect(try run("learn", model, "--later").status == 64)
  }

  @Test func mistakesAreToldInOneLine() throws {
    #expect(try run("learn", folder.url("nowhere").path).errors.contains("is no model directory"))
    #expect(try run("init", model, "--model", "mlp").errors.contains("is there already"))
    #expect(try run("init", folder.url("b").path, "--model", "nonsense").status == 65)
    #expect(try run("learn", model, "--force", " ").status == 64)
    #expect(try run("learn", model, "--merge", "a").status == 64)
    #expect(try run("learn", model).errors.contains("nothing new to learn"))
    #expect(
      try run("evaluate", model, "--on", rows("test.csv", 0..<4)).errors.contains("has not learned anything"))
  }

  @Test func killedLearningGoesOnWithTheSameNumbers() throws {
    let other = folder.url("peace").path
    let peaceful = try run(
      "init", other, "--model", "{mlp: {hidden: [16]}}", "--inputs", "{table: {columns: 2}}", "--set",
      "training.epochs=5", "--set", "training.checkpoint_every=2")
    try #require(peaceful.status == 0)
    let file = try rows("monday.csv", 0..<400)
    try #require(try run("learn", other, file, "--threads", "1").status == 0)
    var random = SplitMix(state: 7)
    var hits = 0
    for _ in 0..<4 {
      let program = try Program(["learn", model, file, "--threads", "1"])
      let work = folder.url("model/work")
      // Soon after the first checkpoint, or a little later.
      for _ in 0..<4000
      where program.isRunning && !FileManager.default.fileExists(atPath: work.path) { usleep(1000) }
      usleep(UInt32.random(in: 0...60_000, using: &random))
      program.send(SIGKILL)
      if try program.wait().signal == SIGKILL { hits += 1 }
      #expect(try run("history", model, "--audit").status == 0)
    }
    #expect(hits > 0, "no signal met a running program")
    _ = try run("learn", model, file, "--threads", "1")
    #expect(try blobs("model") == blobs("peace"))
  }

  private func blobs(_ name: String) throws -> [String] { folder.names("\(name)/blobs") }

  @Test func aFullDiskIsNamedAndTheOldVersionServes() throws {
    try #require(try run("learn", model, rows("monday.csv", 0..<60)).status == 0)
    let before = try current()
    // No file may grow beyond so many blocks, as on a full disk.
    let script = "ulimit -f 8; trap '' XFSZ; exec \"$0\" \"$@\""
    let big = try rows("big.csv", 1000..<9000)
    let ending = try Program(
      ["-c", script, Program.url.path, "learn", model, big], executable: URL(fileURLWithPath: "/bin/bash")
    ).wait()
    #expect(ending.status == 1, "\(ending)")
    #expect(
      ending.errors.contains("cannot write") || ending.errors.contains("File too large"), "\(ending.errors)")
    #expect(try current() == before)
    #expect(try run("evaluate", model, "--on", rows("test.csv", 2000..<2010)).status == 0)
    #expect(try run("learn", model, rows("tuesday.csv", 300..<360)).status == 0)
  }

  @Test func oneBadFileAmongManyIsLeftOut() throws {
    let pictures = folder.url("pictures").path
    let made = try run(
      "init", folder.url("photos").path, "--model", "{mlp: {hidden: [8]}}", "--inputs",
      "{images: {size: 8, channels: 1}}", "--set", "training.epochs=1")
    try #require(made.status == 0, "\(made.errors)")
    // One grey pixel each, all different.
    for index in 0..<100 {
      let name = "pictures/\(index % 2 == 0 ? "dark" : "light")/\(index).png"
      try folder.write(GreyPicture(width: 1, [UInt8(index % 2 == 0 ? index / 2 : 205 + index / 2)]).png, name)
    }
    try folder.write("no picture", "pictures/dark/999.png")
    let ending = try run("learn", folder.url("photos").path, pictures, "--force", "a test")
    #expect(ending.status == 0, "\(ending.errors)")
    #expect(ending.errors.contains("1 unusable") && ending.errors.contains("999.png"))
  }
}
