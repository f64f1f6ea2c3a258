import Foundation
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
      try folder.write(Self.png(UInt8(index % 2 == 0 ? index / 2 : 205 + index / 2)), name)
    }
    try folder.write("no picture", "pictures/dark/999.png")
    let ending = try run("learn", folder.url("photos").path, pictures, "--force", "a test")
    #expect(ending.status == 0, "\(ending.errors)")
    #expect(ending.errors.contains("1 unusable") && ending.errors.contains("999.png"))
  }

  /// A PNG of one grey pixel, stored without compression.
  private static func png(_ value: UInt8) -> Data {
    let row: [UInt8] = [0, value]
    var (first, second): (UInt32, UInt32) = (1, 0)
    for byte in row {
      first = (first + UInt32(byte)) % 65521
      second = (second + first) % 65521
    }
    let header: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]
    var stored: [UInt8] = [0x78, 0x01, 1, 2, 0, 253, 255]
    stored += row
    stored += bigEndian(second << 16 | first)
    var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    file += chunk("IHDR", header)
    file += chunk("IDAT", stored)
    file += chunk("IEND", [])
    return Data(file)
  }

  private static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
    let body: [UInt8] = Array(name.utf8) + content
    var sum: UInt32 = .max
    for byte in body {
      sum ^= UInt32(byte)
      for _ in 0..<8 {
        let isOdd = sum & 1 == 1
        sum >>= 1
        if isOdd { sum ^= 0xEDB8_8320 }
      }
    }
    var chunk = bigEndian(UInt32(content.count))
    chunk += body
    chunk += bigEndian(~sum)
    return chunk
  }

  private static func bigEndian(_ number: UInt32) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
  }
}
