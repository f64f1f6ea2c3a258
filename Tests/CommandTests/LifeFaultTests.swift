import Foundation
import TestSupport
import Testing

/// Folders and files that the system does not give, and what stays of a model directory then.
@Suite(
  .enabled(
    if: Program.canDropRights, "root may read and write anything, and there is no setpriv to give that up"))
struct LifeFaultTests {
  private let folder: TestFolder
  private var model: String { folder.url("model").path }

  init() throws { folder = try TestFolder() }

  private func make(_ inputs: String, _ network: String) throws {
    let made = try Program.run(
      "init", model, "--model", network, "--inputs", inputs, "--set", "training.epochs=2", "--set",
      "gate.class_floor=0")
    try #require(made.status == 0, "\(made.errors)")
  }

  private func rows(_ name: String, _ range: Range<Int>) throws -> String {
    let lines = range.map {
      "\($0 % 2 == 0 ? 1 : -1).\($0 % 50),0.\($0),\($0 % 2 == 0 ? "even" : "odd"),row-\($0)"
    }
    return try folder.write("a,b,label,id\n" + lines.joined(separator: "\n") + "\n", name).path
  }

  private func mode(_ permissions: Int, _ names: [String]) throws {
    for name in names {
      try FileManager.default.setAttributes(
        [.posixPermissions: permissions], ofItemAtPath: folder.url(name).path)
    }
  }

  @Test func aFolderThatMayNotBeWrittenServesOn() throws {
    try make("{table: {columns: 2}}", "{mlp: {hidden: [8]}}")
    try #require(try Program.run("learn", model, rows("monday.csv", 0..<60), "--force", "a test").status == 0)
    let (before, test) = (try bytes(), try rows("test.csv", 1000..<1020))
    let tuesday = try rows("tuesday.csv", 100..<160)
    let folders = ["model", "model/versions", "model/blobs"]
    try mode(0o555, folders)
    defer { try? mode(0o755, folders) }
    for words in [
      ["learn", model, tuesday], ["forget", model, "--id", "row-3"], ["rollback", model, "--to", "0"],
    ] {
      let ending = try Program.runWithoutRights(
        words[0], words[1], words[2], words.count > 3 ? words[3] : "--json")
      #expect(ending.status == 1 && ending.errors.contains("cannot write"), "\(words): \(ending)")
    }
    for words in [["evaluate", model, "--on", test], ["history", model, "--check", "--json"]] {
      let ending = try Program.runWithoutRights(words[0], words[1], words[2], words[3])
      #expect(ending.status == 0, "\(words): \(ending)")
    }
    // Files that may not be written either, such as the lock.
    try mode(0o444, ["model/.lock", "model/life.sqlite"])
    let locked = try Program.runWithoutRights("learn", model, tuesday)
    #expect(locked.status == 1 && locked.errors.contains("cannot write"), "\(locked)")
    try mode(0o644, ["model/.lock", "model/life.sqlite"])
    try mode(0o755, folders)
    #expect(try bytes() == before, "nothing was changed")
    #expect(try Program.run("learn", model, tuesday, "--force", "a test").status == 0)
  }

  /// The files that say what there is; the database may keep its own books.
  private func bytes() throws -> [String: Data] {
    var all: [String: Data] = [:]
    for name in ["CURRENT", "life.yaml"] + folder.names("model/versions").map({ "versions/\($0)" }) {
      all[name] = try Data(contentsOf: folder.url("model/\(name)"))
    }
    return all
  }

  @Test func oneOfAThousandFilesThatCannotBeReadIsNamed() throws {
    try make("{images: {size: 8, channels: 1}}", "{mlp: {hidden: [8]}}")
    for index in 0..<1000 {
      let shade = UInt8(index % 2 == 0 ? index % 97 : 150 + index % 97)
      let pixels = [shade, UInt8(index / 4), UInt8(index % 251), shade]
      try folder.write(
        GreyPicture(width: 2, pixels).png, "pictures/\(index % 2 == 0 ? "dark" : "light")/\(index).png")
    }
    let locked = "pictures/dark/500.png"
    try mode(0, [locked])
    let pictures = folder.url("pictures").path
    let before = try String(contentsOf: folder.url("model/CURRENT"), encoding: .utf8)
    let refused = try Program.runWithoutRights("learn", model, pictures, "--bad", "refuse")
    #expect(refused.status == 1 && refused.errors.contains("500.png"), "\(refused)")
    #expect(refused.errors.contains("1 inputs cannot be used, and nothing was taken in"), "\(refused.errors)")
    #expect(try String(contentsOf: folder.url("model/CURRENT"), encoding: .utf8) == before)
    let history = try Program.run("history", model, "--json")
    #expect(history.output.contains("\"counts\": {}"), "\(history.output)")
    // Left out, and told.
    let learned = try Program.runWithoutRights("learn", model, pictures, "--force", "a test")
    #expect(learned.status == 0, "\(learned.errors)")
    #expect(learned.errors.contains("1 unusable") && learned.errors.contains("500.png"), "\(learned.errors)")
    // Once it can be read, it alone is new.
    try mode(0o644, [locked])
    let later = try Program.run("learn", model, pictures, "--later", "--json")
    #expect(later.status == 0 && later.output.contains("\"duplicates\": 999"), "\(later)")
  }
}
