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

  /// Learned, exported, and asked from the terminal, as a user would.
  @Test(arguments: ["t5", "gpt"]) func modelsWriteFromTheTerminal(model: String) throws {
    let folder = try TestFolder()
    let words = [("un", "one"), ("deux", "two"), ("trois", "three"), ("quatre", "four")]
    let lines = words.map { #"{"prompt": "\#($0.0)", "completion": "\#($0.1) it is"}"# }
    let file = try folder.write(lines.joined(separator: "\n"), "pairs.jsonl").path
    let run = try TestRun(
      """
      stream:
        data: {records: {train: \(file), test: \(file), rows: {vocabulary: 280, length: 16, separator: ' = '}}}
        scenario: instance
        experiences: 1
      model: {\(model): {layers: 1, heads: 2, width: 64, dropout: 0}}
      objective: \(model == "t5" ? "writing" : "tokens")
      training: {optimizer: {adamw: {lr: 0.004}}, batch: 16, steps: 500}
      strategies: {finetune: []}
      seeds: [0]
      """)
    let learned = try run.learn()
    try #require(learned.status == 0, "\(learned.errors)")
    let out = folder.url("model").path
    let exported = try Program.run("export", run.run().path, "--format", "safetensors", "--out", out)
    try #require(exported.status == 0, "\(exported.errors)")
    // Rows of a language model begin with the token that ends the one before.
    let prompt = model == "t5" ? "quatre" : "</s>quatre = "
    let written = try Program.run("generate", out, prompt, "--max-tokens", "12")
    #expect(written.status == 0 && written.output == "four it is\n", "\(written.output) \(written.errors)")
    let short = try Program.run("generate", out, prompt, "--max-tokens", "12", "--dtype", "bfloat16")
    #expect(short.status == 0 && short.output == written.output, "\(short.output) \(short.errors)")
    let unknown = try Program.run("generate", out, prompt, "--dtype", "int4")
    #expect(unknown.status == 64 && unknown.errors.contains("bfloat16"), "\(unknown.errors)")
    let stopped = try Program.run("generate", out, prompt, "--max-tokens", "12", "--stop", " ")
    #expect(stopped.status == 0 && stopped.output.hasPrefix("four"), "\(stopped.output) \(stopped.errors)")
    let chat = try Program.run("generate", out, prompt, "--chat")
    #expect(chat.status == 1 && chat.errors.contains("chat template"), "\(chat.errors)")
    let none = try Program.run("generate", out, prompt, "--adapter", "/nowhere")
    #expect(none.status == 1 && none.errors.contains("/nowhere"), "\(none.errors)")
  }

  /// What is written beside the model and what is folded into it write alike, and otherwise than the model alone.
  @Test func adaptersOfARunAreExported() throws {
    let folder = try TestFolder()
    let words = [("un", "one"), ("deux", "two"), ("ka", "three"), ("lo", "four")]
    func learn(
      _ model: String, rows: String, end: String, rate: String = "0.02", _ strategies: String
    ) throws -> TestRun {
      let lines = words.enumerated().map {
        #"{"prompt": "\#($1.0)", "completion": "\#($1.1) \#(end)", "task": "\#($0 / 2)"}"#
      }
      let file = try folder.write(lines.joined(separator: "\n"), "pairs.jsonl").path
      let run = try TestRun(
        """
        stream:
          data: {records: {train: \(file), test: \(file), rows: {separator: ' = ', \(rows)}}}
          scenario: domain
          experiences: 2
        model: \(model)
        objective: {writing: {score: exact-match}}
        training: {optimizer: {adamw: {lr: \(rate)}}, batch: 4, steps: 40}
        strategies: \(strategies)
        seeds: [0]
        """)
      let learned = try run.learn()
      try #require(learned.status == 0, "\(learned.errors)")
      return run
    }
    func export(_ run: TestRun, _ arm: String, _ format: String) throws -> (Program.Ending, URL) {
      let out = folder.url("\(arm)-\(format)")
      return (
        try Program.run("export", run.run().path, "--arm", arm, "--format", format, "--out", out.path), out
      )
    }
    func write(_ model: URL, _ more: String...) throws -> String {
      let ended = try Program.run(["generate", model.path, "</s>un = ", "--max-tokens", "16"] + more)
      #expect(ended.status == 0, "\(ended.errors)")
      return ended.output
    }
    let fresh = try learn(
      "{llama: {layers: 2, heads: 2, width: 32}}", rows: "length: 32, vocabulary: 280", end: "it is",
      "{lora: [lora], o-lora: [{o-lora: {targets: [q_proj, v_proj]}}], bottleneck: [bottleneck], none: []}")
    for arm in ["lora", "o-lora"] {
      let ((ended, adapter), (whole, folded)) = (
        try export(fresh, arm, "peft"), try export(fresh, arm, "safetensors")
      )
      try #require(ended.status == 0 && whole.status == 0, "\(ended.errors) \(whole.errors)")
      let base = adapter.appendingPathComponent("base")
      let beside = try write(base, "--adapter", adapter.path)
      #expect(try write(base) != beside && write(folded) == beside, "\(arm)")
      let short = try write(base, "--adapter", adapter.path, "--dtype", "bfloat16")
      #expect(try short != write(base, "--dtype", "bfloat16"), "\(arm)")
      let later = folder.url("\(arm)-later")
      let again = try Program.run(
        "export", base.path, "--adapter", adapter.path, "--format", "safetensors", "--out", later.path)
      #expect(again.status == 0, "\(again.errors)")
      #expect(try write(later) == beside, "\(arm)")
      let merged = folder.url("\(arm)-merged")
      let told2 = try Program.run(
        "adapter", "merge", base.path, "\(adapter.path)=0.25", "\(adapter.path)=0.75", "--out", merged.path)
      #expect(told2.status == 0, "\(told2.errors)")
      #expect(try write(base, "--adapter", merged.path) == beside, "\(arm)")
      // A recipe begins with it.
      let begun = try learn(
        "{language-model: {path: \(base.path), adapter: \(merged.path)}}", rows: "length: 20", end: "it is",
        rate: "1.0e-12", "{none: []}")
      let (told, onward) = try export(begun, "none", "safetensors")
      #expect(told.status == 0, "\(told.errors)")
      #expect(try write(onward) == beside, "\(arm)")
      try FileManager.default.removeItem(at: onward)
    }
    let one = try Program.run("adapter", "merge", folder.path, folder.path)
    #expect(one.status == 64 && one.errors.contains("two adapters"), "\(one.errors)")
    let rank = try Program.run("adapter", "merge", folder.path, folder.path, folder.path, "--method", "svd")
    #expect(rank.status == 64 && rank.errors.contains("--rank"), "\(rank.errors)")
    let run = try Program.run("export", fresh.run().path, "--arm", "lora", "--adapter", folder.path)
    #expect(run.status == 64 && run.errors.contains("is none"), "\(run.errors)")
    for (arm, format, part) in [
      ("bottleneck", "peft", "ONNX holds"), ("bottleneck", "safetensors", "ONNX holds"),
      ("none", "peft", "no adapter"),
    ] {
      let (ended, _) = try export(fresh, arm, format)
      #expect(ended.status == 1 && ended.errors.contains(part), "\(arm) \(format): \(ended.errors)")
    }
    // What begins from a folder leaves that as it was.
    let (_, base) = try export(fresh, "none", "safetensors")
    let tuned = try learn(
      "{language-model: {path: \(base.path)}}", rows: "length: 20", end: "was",
      "{prompt: [{prompt-tuning: {length: 8}}], prefix: [{prefix-tuning: {length: 8}}]}")
    for arm in ["prompt", "prefix"] {
      let (ended, adapter) = try export(tuned, arm, "peft")
      try #require(ended.status == 0 && ended.output.contains(base.lastPathComponent), "\(ended.errors)")
      #expect(
        folder.names(adapter.lastPathComponent) == [
          "README.md", "adapter_config.json", "adapter_model.safetensors",
        ])
      _ = try write(base, "--adapter", adapter.path)
      let (whole, _) = try export(tuned, arm, "safetensors")
      #expect(whole.status == 1 && whole.errors.contains("in front of its texts"), "\(whole.errors)")
    }
    let wrong = try Program.run("export", folder.path, "--format", "peft")
    #expect(wrong.status == 64 && wrong.errors.contains("is of runs"), "\(wrong.errors)")
  }

  @Test func linesAreWhatOtherToolsCount() throws {
    let folder = try TestFolder()
    let text = try folder.write(String(repeating: "the cat sat\n", count: 30), "book.txt")
    let file = folder.url("tokenizer.json").path
    _ = try Program.run(["tokenizer", "train", text.path, "--vocabulary", "300", "--out", file])
    func encode(_ bytes: Data) throws -> Program.Ending {
      let input = try folder.write(bytes, "input.txt")
      return try Program(
        ["-c", "exec '\(Program.url.path)' tokenizer encode '\(file)' < '\(input.path)'"],
        executable: URL(fileURLWithPath: "/bin/sh")
      ).wait()
    }
    let odd = try encode(Data("the\u{2028}cat\r\nthe\u{85}cat\n".utf8))
    #expect(odd.status == 0 && odd.output.split(separator: "\n").count == 2, "\(odd.output)")
    let bad = try encode(Data("the\n".utf8) + [0xFF, 0x0A])
    #expect(bad.status == 1 && bad.errors.contains("standard input:2"), "\(bad.errors)")
  }

  @Test func foldersThatAreNoModels() throws {
    for command in [["generate", "/nowhere", "a"], ["embed", "/nowhere"]] {
      let ended = try Program.run(command)
      #expect(ended.status == 1 && ended.errors.contains("/nowhere"), "\(ended.errors)")
    }
  }
}
