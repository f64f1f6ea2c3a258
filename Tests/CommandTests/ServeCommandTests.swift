import Foundation
import Testing

@testable import PerennialCommand

/// `perennial serve`, which becomes `perennial-server`, before a model directory that `perennial init` made.
@Suite struct ServeCommandTests {
  /// Rows of two numbers; the label is the sign of the first.
  private static func rows(_ range: Range<Int>) -> String {
    "id,label,a,b\n"
      + range.map { "row-\($0),\($0 % 2 == 0 ? "plus" : "minus"),\($0 % 2 == 0 ? 1 : -1),0.\($0 % 10)" }
      .joined(separator: "\n") + "\n"
  }

  private static func life(_ folder: TestFolder) throws -> String {
    let life = folder.url("life").path
    let file = try folder.write(rows(0..<60), "rows.csv").path
    let made = try Program.run(
      "init", life, "--model", "{mlp: {hidden: [8]}}", "--inputs", "{table: {columns: 2}}",
      "--set", "training.optimizer.adam.lr=0.05")
    try #require(made.status == 0, "\(made.errors)")
    let learned = try Program.run("learn", life, file)
    try #require(learned.status == 0, "\(learned.errors)")
    return life
  }

  /// The port that a server says it has.
  private static func port(_ server: Program) throws -> String {
    let end = Date().addingTimeInterval(240)
    while Date() < end, server.isRunning {
      if let port = server.output.split(separator: ":").last, server.output.hasSuffix("/\n") {
        return port.trimmingCharacters(in: CharacterSet(charactersIn: "/\n"))
      }
      usleep(20_000)
    }
    let errors = try server.wait(seconds: 1).errors
    return try #require(nil, "the server did not start: \(errors)")
  }

  /// The answer to one request, by nothing but a shell.
  private static func ask(_ port: String, _ method: String, _ path: String, _ body: String = "") throws
    -> String
  {
    let head =
      "\(method) \(path) HTTP/1.1\\r\\nhost: localhost\\r\\nconnection: close\\r\\n"
      + "content-type: application/json\\r\\ncontent-length: \(body.utf8.count)\\r\\n\\r\\n"
    let script = "exec 3<>/dev/tcp/127.0.0.1/\(port); printf '%b%s' '\(head)' '\(body)' >&3; cat <&3"
    return try Program(["-c", script], executable: URL(fileURLWithPath: "/bin/bash")).wait().output
  }

  @Test func itAnswersLearnsAndStops() throws {
    let folder = try TestFolder()
    let life = try Self.life(folder)
    let server = try Program(["serve", life, "--port", "0", "--learn", "--labels", "1000"])
    let port = try Self.port(server)
    #expect(try Self.ask(port, "GET", "/livez").contains("200 OK"))
    let answer = try Self.ask(port, "POST", "/v1/predict", #"{"inputs": [[1, 0.5], "-1,0.5"]}"#)
    #expect(answer.contains(#""label":"plus""#) && answer.contains(#""label":"minus""#), "\(answer)")

    // The server is the one that writes; everybody may read.
    let refused = try Program.run("learn", life, folder.url("rows.csv").path)
    #expect(
      refused.status != 0 && refused.errors.contains("is being written by process"), "\(refused.errors)")
    #expect(try Program.run("history", life).status == 0)

    server.send(SIGTERM)
    let ending = try server.wait()
    #expect(ending.status == 0, "\(ending.errors)")
    #expect(try Program.run("rollback", life, "--to", "0").status == 0)
  }

  #if os(Linux)
    /// It starts itself again for that, and is still called what it is.
    @Test func itsThreadsSleepAndItKeepsItsName() throws {
      let folder = try TestFolder()
      let free: [String: String?] = ["OMP_WAIT_POLICY": nil, "GOMP_SPINCOUNT": nil]
      let server = try Program(["serve", Self.life(folder), "--port", "0"], environment: free)
      _ = try Self.port(server)
      let place = "/proc/\(server.identifier)/"
      #expect(try String(contentsOfFile: place + "comm", encoding: .utf8).hasPrefix("perennial"))
      #expect(
        try String(contentsOfFile: place + "environ", encoding: .utf8).contains("OMP_WAIT_POLICY=PASSIVE"))
      server.send(SIGTERM)
      #expect(try server.wait().status == 0)
    }
  #endif

  /// Whoever makes a student writes too: beside a server that writes it is refused by name, and nothing is left of it.
  @Test func noStudentIsMadeBesideAServerThatWrites() throws {
    let folder = try TestFolder()
    let life = try Self.life(folder)
    let before = folder.names("")
    let student = folder.url("student").path
    let server = try Program(["serve", life, "--port", "0", "--learn", "--labels", "1000"])
    let port = try Self.port(server)
    let refused = try Program.run("distill", life, "--student", "tiny", "--out", student)
    #expect(
      refused.status == 1 && refused.errors.contains("is being written by process \(server.identifier)"),
      "\(refused)")
    #expect(folder.names("") == before)
    #expect(try Self.ask(port, "POST", "/v1/predict", #"{"inputs": [[1, 0.5]]}"#).contains("200 OK"))
    server.send(SIGTERM)
    #expect(try server.wait().status == 0)
    #expect(try !Program.run("history", life, "--audit").output.contains("distill"))

    // One that only reads minds nobody.
    let reader = try Program(["serve", life, "--port", "0"])
    let other = try Self.port(reader)
    let made = try Program.run("distill", life, "--student", "tiny", "--out", student, "--force", "a test")
    #expect(made.status == 0, "\(made)")
    #expect(try Program.run("history", student, "--check").status == 0)
    #expect(try Self.ask(other, "POST", "/v1/predict", #"{"inputs": [[1, 0.5]]}"#).contains("200 OK"))
    reader.send(SIGTERM)
    #expect(try reader.wait().status == 0)
  }

  @Test func noServerWritesWhileAStudentIsMade() throws {
    let folder = try TestFolder()
    let life = try Self.life(folder)
    let before = folder.names("")
    func unfinished() -> [String] { folder.names("").filter { $0.hasSuffix(".student") } }
    let maker = try Program([
      "distill", life, "--student", "tiny", "--out", folder.url("student").path, "--set",
      "training.epochs=1000000",
    ])
    let end = Date().addingTimeInterval(240)
    while unfinished().isEmpty, maker.isRunning, Date() < end { usleep(20_000) }
    try #require(!unfinished().isEmpty)
    let refused = try Program(["serve", life, "--port", "0", "--learn"]).wait()
    #expect(
      refused.status != 0 && refused.errors.contains("is being written by process \(maker.identifier)"),
      "\(refused)")
    maker.send(SIGKILL)
    #expect(try maker.wait().signal == SIGKILL)
    #expect(folder.names("").filter { !$0.hasSuffix(".student") } == before, "there is no half of a student")
    // The next one clears away what is left.
    let made = try Program.run(
      "distill", life, "--student", "tiny", "--out", folder.url("student").path, "--force", "a test")
    #expect(made.status == 0, "\(made)")
    #expect(unfinished().isEmpty && folder.names("").contains("student"))
    #expect(try Program.run("history", life, "--check").status == 0)
  }

  @Test func whatCannotBeServedIsSaid() throws {
    let folder = try TestFolder()
    try folder.write("{}", "empty/notes.json")
    let nothing = try Program(["serve", folder.url("empty").path, "--port", "0"]).wait()
    #expect(nothing.status != 0 && nothing.errors.contains("config.json"), "\(nothing.errors)")
    let fixed = try Program(["serve", folder.url("empty").path, "--port", "0", "--learn"]).wait()
    #expect(fixed.status != 0 && fixed.errors.contains("is no model directory"), "\(fixed.errors)")
  }

  @Test func aCopyIsAModelDirectoryOfItsOwn() throws {
    let folder = try TestFolder()
    let life = try Self.life(folder)
    let copy = folder.url("copy").path
    try Data("{}\n".utf8).write(to: URL(fileURLWithPath: life).appendingPathComponent("invariants.jsonl"))
    #expect(try Program.run("snapshot", life, "--to", copy).status == 0)
    // What every version must answer is asked of the copy's as well.
    #expect(FileManager.default.fileExists(atPath: copy + "/invariants.jsonl"))
    let (one, other) = (
      try Program.run("history", life, "--json"), try Program.run("history", copy, "--json")
    )
    #expect(one.status == 0 && one.output == other.output)
    #expect(try Program.run("history", copy, "--audit").status == 0)
    let again = try Program.run("snapshot", life, "--to", copy)
    #expect(again.status != 0 && again.errors.contains("is there already"), "\(again.errors)")
    let inside = try Program.run("snapshot", life, "--to", life + "/copy")
    #expect(inside.status != 0 && inside.errors.contains("outside the model directory"), "\(inside.errors)")
    #expect(folder.names("").allSatisfy { !$0.hasSuffix(".partial") })
  }
}
