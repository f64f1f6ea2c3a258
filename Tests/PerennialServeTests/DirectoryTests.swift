import Foundation
import Perennial
import PerennialLife
import PerennialModalities
import TestSupport
import Testing

@testable import PerennialServe

/// A server before a real model directory: rows of four numbers, in which a label is a corner of the cube.
struct DirectoryTests {
  /// A model directory that is gone with the test.
  final class Life: Sendable {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("serve-\(UUID().uuidString)")
    var url: URL { folder.appendingPathComponent("corners", isDirectory: true) }
    var modality: Modalities { Modalities(root: DataRoot(url.path)) }

    private static let yaml = """
      inputs: {table: {columns: 4}}
      model: {mlp: {hidden: [16]}}
      training: {optimizer: {adam: {lr: 0.02}}, batch: 16, epochs: 10}
      strategies: [{replay: {memory: 100, policy: class-balanced, insert: end}}]
      holdout: 0.3
      gate: {drop: 0.05, max_forgetting: 0.05, movement: 10}
      """

    /// Knows the labels 0 and 1.
    init() throws {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let directory = try ModelDirectory.create(url, yaml: Self.yaml, modality: modality)
      let inputs = [0, 1].flatMap { label in
        (0..<60).map { row in
          LabeledInput(
            payload: Data(Self.cells(label, row).map { "\($0)" }.joined(separator: ",").utf8),
            label: "corner \(label)", identifier: "row-\(label)-\(row)")
        }
      }
      let outcome = try directory.learn(InputRecords(inputs: inputs), modality)
      guard outcome.result == .promoted else { throw CocoaError(.featureUnsupported) }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func source(_ change: (inout DirectorySource.Options) -> Void = { _ in }) throws -> DirectorySource {
      var options = DirectorySource.Options()
      options.isWriting = true
      change(&options)
      return try DirectorySource(url, options)
    }

    /// The same for the same numbers.
    static func cells(_ label: Int, _ row: Int) -> [Float] {
      (0..<4).map { column in
        let centre: Float = column < 3 ? (label >> column & 1 == 0 ? -1 : 1) : 0
        return centre + 0.3 * sin(Float(97 * label + 13 * row + 31 * column))
      }
    }

    static func json(_ label: Int, _ rows: Range<Int>) -> String {
      let inputs = rows.map { "[" + cells(label, $0).map { "\($0)" }.joined(separator: ",") + "]" }
      return "{\"inputs\": [\(inputs.joined(separator: ","))]}"
    }
  }

  private func predict(_ asking: Asking, _ label: Int, _ rows: Range<Int>) async throws -> PredictReply {
    let answer = try await asking.post("/v1/predict", Life.json(label, rows))
    #expect(answer.status == 200, "\(answer.text)")
    return try answer.decode()
  }

  private func tell(_ asking: Asking, _ ids: [String], _ label: Int) async throws -> [String] {
    let items = ids.map { "{\"id\": \"\($0)\", \"label\": \"corner \(label)\"}" }
    let answer = try await asking.post("/v1/feedback", "{\"feedback\": [\(items.joined(separator: ","))]}")
    return try answer.decode(FeedbackReply.self).feedback.map(\.result)
  }

  @Test func itAnswersAsTheLibraryDoes() async throws {
    let life = try Life()
    let version = try ModelDirectory(life.url).load(nil, life.modality)
    let payload = try version.inputs.payload(
      Life.cells(1, 100).map { "\($0)" }.joined(separator: ","))
    let expected = try version.predict([payload])[0]
    try await serving(life.source()) { asking async throws in
      let reply = try await predict(asking, 1, 100..<101)
      #expect(reply.model == "corners" && reply.version == 1)
      #expect(reply.predictions[0].label == expected.label)
      #expect(abs(Double(reply.predictions[0].scores[0].probability) - expected.probability) < 1e-6)
      // As text with commas too.
      let text = Life.cells(1, 100).map { "\($0)" }.joined(separator: ",")
      let written = try await asking.post("/v1/predict", "{\"inputs\": [\"\(text)\"]}")
      #expect(
        try written.decode(PredictReply.self).predictions[0].scores.map(\.probability)
          == reply.predictions[0].scores.map(\.probability))
      let wrong = try await asking.post("/v1/predict", #"{"inputs": [[1, 2, 3, 4], [1, 2]]}"#)
      #expect(wrong.status == 400 && wrong.place == "inputs[1]")
      let vectors = try await asking.post("/v1/embeddings", #"{"input": [[1, 2, 3, 4]]}"#)
      #expect(vectors.status == 200)
    }
  }

  @Test func feedbackTeachesANewLabel() async throws {
    let life = try Life()
    try await serving(life.source(), .learning { $0.labels = 60 }) { asking async throws in
      let ids = try await predict(asking, 2, 0..<60).predictions.map(\.id)
      #expect(try await tell(asking, ids, 2) == Array(repeating: "accepted", count: 60))
      try await asking.eventually("the new label was learned") {
        await asking.server.deployment.current.number == 2
      }
      let after = try await predict(asking, 2, 100..<140)
      #expect(after.version == 2)
      #expect(after.predictions.count { $0.label == "corner 2" } >= 36)
      #expect(try await predict(asking, 0, 100..<140).predictions.count { $0.label == "corner 0" } >= 36)
      let history: VersionHistory = try await asking.get("/v1/history").decode()
      #expect(history.current == 2 && history.versions.map(\.number) == [0, 1, 2])
      #expect(history.versions.last?.verdict?.passed == true && !history.suites.isEmpty)
    }
    #expect(try ModelDirectory(life.url).store.current().version == 2)
  }

  @Test func labelsComeAfterARestart() async throws {
    let life = try Life()
    let ids = try await serving(life.source(), .learning()) { asking async throws in
      let ids = try await predict(asking, 1, 200..<204).predictions.map(\.id)
      #expect(try await tell(asking, [ids[0]], 1) == ["accepted"])
      await asking.server.deployment.keeper.flush()
      return ids
    }
    try await serving(life.source(), .learning()) { asking async throws in
      #expect(try await tell(asking, ids, 1) == ["used", "accepted", "accepted", "accepted"])
      #expect(try await tell(asking, [ids[3]], 1) == ["used"])
      #expect(await asking.server.deployment.overview().labels == 4, "the first one, too")
    }
    let directory = try ModelDirectory(life.url)
    #expect(try directory.pendingCount() + directory.history().counts["pending", default: 0] > 0)
    #expect(try directory.servedAccuracy(of: 1).total == 4)
  }

  @Test func labelsFromBeforeARestartCountTowardsTheNextUpdate() async throws {
    let life = try Life()
    let options = ServeOptions.learning { ($0.labels, $0.watch) = (60, 0) }
    try await serving(life.source(), options) { asking async throws in
      let ids = try await predict(asking, 2, 0..<45).predictions.map(\.id)
      _ = try await tell(asking, ids, 2)
      #expect(await asking.server.deployment.current.number == 1)
    }
    try await serving(life.source(), options) { asking async throws in
      let ids = try await predict(asking, 2, 100..<130).predictions.map(\.id)
      _ = try await tell(asking, ids, 2)
      try await asking.eventually("an update") { await asking.server.deployment.current.number == 2 }
    }
  }

  @Test func anUpdateOnTrialDoesNotServe() async throws {
    let life = try Life()
    let options = ServeOptions.learning { ($0.labels, $0.mode, $0.trial, $0.watch) = (60, .shadow, 30, 0) }
    try await serving(life.source { $0.holdsBack = true }, options) { asking async throws in
      let ids = try await predict(asking, 2, 0..<60).predictions.map(\.id)
      _ = try await tell(asking, ids, 2)
      try await asking.eventually("a candidate is on trial") { await asking.server.deployment.trial != nil }
      #expect(try ModelDirectory(life.url).store.current().version == 1)
      // Killed at any moment it would not serve: it never was the current one.
      #expect(try !ModelDirectory(life.url).audit().contains { $0.event == "rollback" })
      #expect(try await predict(asking, 2, 100..<101).version == 1)
      var row = 200
      try await asking.eventually("the candidate came into use") {
        let id = try await predict(asking, 2, row..<row + 1).predictions[0].id
        row += 1
        try await Task.sleep(for: .milliseconds(5))
        _ = try await tell(asking, [id], 2)
        return await asking.server.deployment.current.number == 2
      }
      #expect(try ModelDirectory(life.url).store.current().version == 2)
      #expect(try await predict(asking, 2, 300..<301).predictions[0].label == "corner 2")
    }
    let told = try ModelDirectory(life.url).audit().map(\.event)
    #expect(told.filter { ["try", "promote", "rollback"].contains($0) } == ["try", "promote"])
  }

  @Test func aCandidateThatFailsItsTrialIsLearnedFromAgainWhenAsked() async throws {
    let life = try Life()
    let options = ServeOptions.learning { ($0.labels, $0.mode, $0.trial, $0.watch) = (60, .shadow, 30, 0) }
    try await serving(life.source { $0.holdsBack = true }, options) { asking async throws in
      _ = try await tell(asking, predict(asking, 2, 0..<60).predictions.map(\.id), 2)
      try await asking.eventually("a candidate is on trial") { await asking.server.deployment.trial != nil }
      // What it is asked now it gets wrong, and the version in use does not.
      var row = 100
      try await asking.eventually("the trial is over") {
        let reply = try await predict(asking, 2, row..<row + 1)
        row += 1
        try await Task.sleep(for: .milliseconds(5))
        let said = Int(reply.predictions[0].label.dropFirst(7)) ?? 0
        _ = try await tell(asking, [reply.predictions[0].id], said)
        return await asking.server.deployment.trial == nil
      }
      #expect(await asking.server.deployment.current.number == 1)
      #expect(try ModelDirectory(life.url).audit().contains { $0.event == "fail" })
      #expect(try ModelDirectory(life.url).history().counts["withdrawn", default: 0] > 30)
      #expect(try await asking.post("/v1/learn", #"{"retry": true}"#).status == 202)
      try await asking.eventually("it was learned again") {
        try ModelDirectory(life.url).history().counts["withdrawn", default: 0] == 0
          || ModelDirectory(life.url).history().versions.count == 4
      }
    }
  }

  @Test func whatDoesWorseIsSentBack() async throws {
    let life = try Life()
    let options = ServeOptions.learning { ($0.labels, $0.watch) = (60, 100) }
    try await serving(life.source(), options) { asking async throws in
      _ = try await tell(asking, predict(asking, 0, 500..<540).predictions.map(\.id), 0)
      _ = try await tell(asking, predict(asking, 2, 0..<60).predictions.map(\.id), 2)
      try await asking.eventually("version 2") { await asking.server.deployment.current.number == 2 }
      // Suddenly everything is called otherwise.
      var row = 600
      try await asking.eventually("version 1 is back") {
        let ids = try await predict(asking, 1, row..<row + 10).predictions.map(\.id)
        row += 10
        _ = try await tell(asking, ids, 0)
        return await asking.server.deployment.current.number == 1
      }
      #expect(try await predict(asking, 1, 0..<1).version == 1)
    }
    let directory = try ModelDirectory(life.url)
    #expect(try directory.store.current().version == 1)
    #expect(try directory.audit().last { $0.event == "rollback" }?.detail.contains("does worse") == true)
  }

  /// Heads that count give back what they learned, in memory too: the version keeps its number, and answers otherwise.
  @Test func whatIsForgottenIsForgottenByTheVersionThatAnswers() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("forget-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let url = folder.appendingPathComponent("counting", isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let yaml = """
      inputs: {table: {columns: 4}}
      model: {mlp: {hidden: [12]}}
      head: nearest-class-mean
      training: {optimizer: adam, batch: 16, epochs: 1, freeze: backbone}
      """
    let modality = Modalities(root: DataRoot(url.path))
    let inputs = [0, 1].flatMap { label in
      (0..<(label == 0 ? 30 : 4)).map { row in
        let cells: [Float] = label == 1 && row < 3 ? [9, -9, 9, Float(row)] : Life.cells(label, row)
        return LabeledInput(
          payload: Data(cells.map { "\($0)" }.joined(separator: ",").utf8), label: "corner \(label)",
          identifier: "row-\(label)-\(row)")
      }
    }
    do {
      let directory = try ModelDirectory.create(url, yaml: yaml, modality: modality)
      _ = try directory.learn(InputRecords(inputs: inputs), modality)
    }
    var options = DirectorySource.Options()
    options.isWriting = true
    try await serving(DirectorySource(url, options), .learning()) { asking async throws in
      let before = try await predict(asking, 1, 900..<901)
      let answer = try await asking.post(
        "/v1/admin/forget", #"{"ids": ["row-1-0", "row-1-1", "row-1-2"]}"#, token: "secret")
      #expect(answer.status == 200, "\(answer.text)")
      #expect(answer.text.contains(#""weights":"unlearned""#))
      let after = try await predict(asking, 1, 900..<901)
      #expect(after.version == before.version)
      #expect(
        after.predictions[0].scores.map(\.probability) != before.predictions[0].scores.map(\.probability))
      let loaded = try ModelDirectory(url).load(nil, Modalities(root: DataRoot(url.path)))
      let expected = try loaded.predict([
        loaded.inputs.payload(
          Life.cells(1, 900).map { "\($0)" }.joined(separator: ","))
      ])[0]
      #expect(abs(Double(after.predictions[0].scores[0].probability) - expected.probability) < 1e-6)
    }
  }

  @Test func whatTheGateKeepsIsForgottenOnceAPersonSaysWhy() async throws {
    let life = try Life()
    // No version passes any more.
    try Data("a,b,c,d,label\n0,0,0,0,corner 1\n0.0,0.0,0.0,0.0,corner 0\n".utf8)
      .write(to: life.url.appendingPathComponent("invariants.csv"))
    try await serving(life.source(), .learning()) { asking async throws in
      func forget(_ more: String) async throws -> Asking.Answer {
        try await asking.post(
          "/v1/admin/forget", "{\"ids\": [\"row-1-7\", \"row-1-8\"]\(more)}", token: "secret")
      }
      let kept = try await forget("")
      #expect(kept.status == 409 && kept.code == "still_learned", "\(kept.text)")
      #expect(await asking.server.deployment.current.number == 1)
      let forced = try await forget(#", "force": "the law""#)
      #expect(forced.status == 200 && forced.text.contains(#""weights":"rebuilt""#), "\(forced.text)")
      #expect(await asking.server.deployment.current.number == 2)
      #expect(try await predict(asking, 1, 0..<1).version == 2)
    }
    let directory = try ModelDirectory(life.url)
    #expect(try directory.history().versions.first { $0.number == 1 }?.isCleared == true)
  }

  @Test func forgettingEndsATrialThatHasSeenIt() async throws {
    let life = try Life()
    let options = ServeOptions.learning { ($0.labels, $0.mode, $0.trial, $0.watch) = (60, .shadow, 1000, 0) }
    try await serving(life.source { $0.holdsBack = true }, options) { asking async throws in
      let ids = try await predict(asking, 2, 0..<60).predictions.map(\.id)
      _ = try await tell(asking, ids, 2)
      // A change that is under way is answered by 409.
      try await asking.eventually("a candidate is on trial") {
        let deployment = asking.server.deployment
        let (isOnTrial, isChanging) = await (deployment.trial != nil, deployment.isChanging)
        return isOnTrial && !isChanging
      }
      // Some of ten were learned, others held out.
      let some = ids.prefix(10).map { "\"\($0)\"" }.joined(separator: ",")
      let answer = try await asking.post("/v1/admin/forget", "{\"ids\": [\(some)]}", token: "secret")
      #expect(answer.status == 200, "\(answer.text)")
      #expect(await asking.server.deployment.trial == nil)
      #expect(await asking.server.deployment.current.number == 1)
      // Numbers of labels only grow, whatever is forgotten.
      let sequence = await asking.server.deployment.sequence
      let more = try await predict(asking, 0, 800..<801).predictions.map(\.id)
      _ = try await tell(asking, more, 0)
      #expect(await asking.server.deployment.sequence == sequence + 1)
      #expect(try ModelDirectory(life.url).judged(latest: 1).first?.sequence == sequence + 1)
    }
    #expect(
      try ModelDirectory(life.url).audit().map(\.event).filter { ["try", "fail"].contains($0) } == [
        "try", "fail",
      ])
  }

  @Test func thePageIsToldWhatMemoriesHoldAndWhatWasRefused() async throws {
    let life = try Life()
    try await serving(life.source(), .learning { $0.labels = 60 }) { asking async throws in
      let overview = await asking.server.deployment.overview()
      let learned = try ModelDirectory(life.url).examplesByLabel()
      #expect(Dictionary(uniqueKeysWithValues: overview.learned.map { ($0.label, $0.count) }) == learned)
      // A memory of 100 holds as much of each.
      #expect(overview.memory.map(\.label) == ["corner 0", "corner 1"])
      #expect(overview.memory.reduce(0) { $0 + $1.count } == min(100, learned.values.reduce(0, +)))
      // Labels without sense: the gate refuses what comes of them.
      for label in 0..<2 {
        _ = try await tell(asking, predict(asking, label, 700..<730).predictions.map(\.id), 1 - label)
      }
      try await asking.eventually("the candidate was refused") {
        await asking.server.deployment.events.contains { $0.kind == .refused }
      }
      let history: VersionHistory = try await asking.get("/v1/history").decode()
      #expect(history.refused.count == 1 && history.refused[0].parent == 1)
      #expect(history.refused[0].verdict?.passed == false && history.refused[0].examples > 30)
    }
  }

  @Test func administratorsPromoteForgetAndCopy() async throws {
    let life = try Life()
    let copies = life.folder.appendingPathComponent("copies", isDirectory: true)
    let secret = "4711,4712,4713,4714"
    try await serving(life.source { $0.snapshots = copies }, .learning { $0.labels = 60 }) {
      asking async throws in
      let ids = try await predict(asking, 2, 0..<60).predictions.map(\.id)
      _ = try await tell(asking, ids, 2)
      try await asking.eventually("learned") { await asking.server.deployment.current.number == 2 }
      let back = try await asking.post("/v1/admin/rollback", "{}", token: "secret")
      #expect(back.status == 200 && back.text.contains("1"))
      #expect(try ModelDirectory(life.url).store.current().version == 1)
      let forth = try await asking.post("/v1/admin/promote", #"{"version": 2}"#, token: "secret")
      #expect(forth.status == 200)
      #expect(try ModelDirectory(life.url).store.current().version == 2)

      // Asked, never labelled: in the directory all the same, until it is forgotten.
      let asked = try await asking.post("/v1/predict", "{\"inputs\": [\"\(secret)\"]}")
      let id = try asked.decode(PredictReply.self).predictions[0].id
      let answer = try await asking.post(
        "/v1/admin/forget", "{\"ids\": [\"\(id)\", \"row-0-0\", \"nobody\"]}", token: "secret")
      let report: ErasureReport = try answer.decode()
      #expect(Set(report.erased) == [id, "row-0-0"] && report.unknown == ["nobody"])
      #expect(try await tell(asking, [id], 1) == ["unknown"])

      let copied = try await asking.post("/v1/admin/snapshot", "{}", token: "secret")
      #expect(copied.status == 200, "\(copied.text)")
    }
    let copy = try #require(try FileManager.default.contentsOfDirectory(atPath: copies.path).first)
    let opened = try ModelDirectory(copies.appendingPathComponent(copy), for: .write)
    let (one, other) = (try opened.history(), try ModelDirectory(life.url).history())
    #expect(one == other)
    #expect(try opened.load(nil, Modalities(root: DataRoot(opened.url.path))).isTrained)
    for folder in [life.url, opened.url] {
      #expect(try !Self.bytes(below: folder).contains { $0.range(of: Data(secret.utf8)) != nil })
    }
  }

  private static func bytes(below folder: URL) throws -> [Data] {
    let all = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: [.isRegularFileKey])
    return try (all?.allObjects ?? []).compactMap { $0 as? URL }
      .filter { try $0.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true }
      .map { try Data(contentsOf: $0) }
  }

  @Test func picturesComeAsFilesInBase64() async throws {
    let life = try Life()
    let url = life.folder.appendingPathComponent("pictures", isDirectory: true)
    let yaml = """
      inputs: {images: {size: 8, channels: 1}}
      model: {mlp: {hidden: [8]}}
      training: {optimizer: {adam: {lr: 0.02}}, batch: 16, epochs: 5}
      """
    let modality = Modalities(root: DataRoot(url.path))
    let directory = try ModelDirectory.create(url, yaml: yaml, modality: modality)
    func picture(_ isBright: Bool, _ seed: Int) -> Data {
      GreyPicture(width: 8, (0..<64).map { UInt8((isBright ? 180 : 20) + (7 * $0 + seed) % 40) }).png
    }
    let inputs = (0..<40).map { seed in
      LabeledInput(payload: picture(seed % 2 == 0, seed), label: seed % 2 == 0 ? "bright" : "dark")
    }
    #expect(try directory.learn(InputRecords(inputs: inputs), modality).result == .promoted)
    let files = [picture(true, 100), picture(false, 101)].map { $0.base64EncodedString() }
    try await serving(DirectorySource(url)) { asking async throws in
      let answer = try await asking.post("/v1/predict", "{\"inputs\": [\"\(files[0])\", \"\(files[1])\"]}")
      #expect(try answer.decode(PredictReply.self).predictions.map(\.label) == ["bright", "dark"])
      #expect(try await asking.get("/v1/models").text.contains(#""input":{"image":{}}"#))
      for wrong in [#"["no base64!"]"#, #"["AAAA"]"#, "[[1, 2]]"] {
        #expect(try await asking.post("/v1/predict", "{\"inputs\": \(wrong)}").status == 400)
      }
      // As long as a request may be, not as a text may.
      let long = String(repeating: "A", count: 200_000)
      let large = try await asking.post("/v1/predict", "{\"inputs\": [\"\(long)\"]}")
      #expect(large.status == 400, "no picture, and not too long either")
    }
  }

  @Test func oneWritesAndTheOthersFollow() async throws {
    let life = try Life()
    let writer = try ModelDirectory(life.url, for: .write)
    #expect(throws: LifeError.self) { _ = try life.source() }
    try await serving(DirectorySource(life.url)) { asking async throws in
      #expect(try await predict(asking, 0, 0..<1).version == 1)
      let id = try await predict(asking, 0, 0..<1).predictions[0].id
      // The label is scored, and not kept.
      #expect(try await tell(asking, [id], 0) == ["accepted"])
      try writer.rollback(to: 0)
      try await asking.eventually("the version that another program chose") {
        await asking.server.deployment.current.number == 0
      }
      let untrained = try await asking.post("/v1/predict", Life.json(0, 0..<1))
      #expect(untrained.status == 400 && untrained.code == "unsupported_by_model")
    }
  }
}
