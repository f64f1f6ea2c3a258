import Foundation
import Testing

/// Tokenizers, vectors and continuations from the terminal.
@Suite struct TextCommandTests {
  @Test func aTokenizerIsLearnedAndUsed() throws {
    let folder = try TestFolder()
    let text = try folder.write(String(repeating: "the cat sat on the mat\n", count: 30), "book.txt")
    let file = folder.url("tokenizer.json").path
    let trained = try Program.run(["tokenizer", "train", text.path, "--vocabulary", "300", "--out", file])
    #expect(trained.status == 0 && trained.errors.contains("tokens:"))
    let encoded = try Program.run(["tokenizer", "encode", file, "the cat sat"])
    let ids = encoded.output.split(separator: " ").compactMap { Int($0.trimmingCharacters(in: .newlines)) }
    #expect(encoded.status == 0 && ids.count == 3)
    let decoded = try Program.run(["tokenizer", "decode", file] + ids.map(String.init))
    #expect(decoded.output == "the cat sat\n")
    let wrong = try Program.run(["tokenizer", "decode", file, "99999"])
    #expect(wrong.status == 64 && wrong.errors.contains("99999 is no id"))
    let missing = try Program.run(["tokenizer", "encode", "/nowhere/tokenizer.json", "a"])
    #expect(missing.status == 1 && missing.errors.contains("/nowhere/tokenizer.json"))
  }

  @Test func foldersThatAreNoModels() throws {
    for command in [["generate", "/nowhere", "a"], ["embed", "/nowhere"]] {
      let ended = try Program.run(command)
      #expect(ended.status == 1 && ended.errors.contains("/nowhere"), "\(ended.errors)")
    }
  }
}
