import Foundation
import Testing

@testable import PerennialServe

@Suite struct PredictTests {
  @Test func predictionsComeInTheOrderOfTheInputs() async throws {
    try await serving(RemainderSource()) { asking async throws in
      let reply = try await asking.predict([3, 14, 25])
      #expect(reply.predictions.map(\.label) == ["label 3", "label 4", "label 5"])
      #expect(reply.version == 1)
      #expect(reply.model == "remainders")
      #expect(Set(reply.predictions.map(\.id)).count == 3)
      #expect(reply.predictions[0].scores.count == 5)
      #expect(reply.predictions[0].scores[0].probability == 0.91)
      let nested = try await asking.post("/v1/predict", #"{"inputs": [[[7], [0]]], "top": 1}"#)
      #expect(try nested.decode(PredictReply.self).predictions.map(\.scores.count) == [1])
    }
  }

  @Test(arguments: [
    (#"{"inputs": [[1]]}"#, 400, "inputs[0]"), (#"{"inputs": [[1, 2], "text"]}"#, 400, "inputs[1]"),
    (#"{"inputs": []}"#, 400, "inputs"), (#"{}"#, 400, "inputs"), (#"{"inputs": 3}"#, 400, "inputs"),
    (#"{"inputs": [[1, 1e300]]}"#, 400, "inputs[0]"), (#"{"inputs": [[1, 2]], "top": 0}"#, 400, "top"),
    (#"{"inputs": [[1, 2]], "top": "many"}"#, 400, "top"), (#"{"inputs": [[1, null]]}"#, 400, nil),
    (#"{"inputs": [{"path": "/etc/passwd"}]}"#, 400, nil), ("not json", 400, nil), ("", 400, nil),
    ("[1, 2]", 400, nil), (#"{"inputs": [[1, 2]]"#, 400, nil),
  ])
  func whatMakesNoSenseIsNamed(_ json: String, _ status: Int, _ place: String?) async throws {
    try await serving(RemainderSource()) { asking async throws in
      let answer = try await asking.post("/v1/predict", json)
      #expect(answer.status == status, "\(answer.text)")
      #expect(answer.code != nil)
      if let place { #expect(answer.place == place, "\(answer.text)") }
      #expect(!answer.text.contains("passwd"))
    }
  }

  @Test func otherContentIsRefused() async throws {
    try await serving(RemainderSource()) { asking async throws in
      let answer = try await asking.send(
        "POST", "/v1/predict", #"{"inputs": [[1, 2]]}"#, ["content-type": "text/plain"])
      #expect(answer.status == 415)
    }
  }

  @Test func largeRequestsAreRefused() async throws {
    let options = ServeOptions.with {
      $0.limits.bodyBytes = 1000
      $0.limits.items = 3
    }
    try await serving(RemainderSource(), options) { asking async throws in
      let long = String(repeating: " ", count: 2000)
      #expect(try await asking.post("/v1/predict", "{\"inputs\": [[1, 2]]\(long)}").status == 413)
      #expect(try await asking.post("/v1/predict", #"{"inputs": [[1,2],[1,2],[1,2],[1,2]]}"#).status == 413)
    }
  }

  @Test func tooManyAreSentAwayWithATime() async throws {
    let latch = RemainderSource.Latch()
    let source = RemainderSource(.init(latch: latch))
    let options = ServeOptions.with { $0.batching.waiting = 2 }
    try await serving(source, options) { asking async throws in
      // However slow the machine is, the model answers nobody until all have asked.
      defer { latch.open() }
      let batcher = await asking.server.deployment.current.predict
      @Sendable func ask() async throws -> Asking.Answer {
        try await asking.post("/v1/predict", #"{"inputs": [[1, 2]]}"#)
      }
      let first = Task { try await ask() }
      try await asking.eventually("one is being answered") { await batcher.lastBatch == 1 }
      let waiting = (0..<2).map { _ in Task { try await ask() } }
      try await asking.eventually("two wait") { await batcher.waiting == 2 }
      for _ in 0..<7 {
        let refused = try await ask()
        #expect(refused.status == 429, "\(refused.text)")
        #expect((refused.headers["retry-after"].flatMap(Int.init) ?? 0) >= 1)
      }
      latch.open()
      for answer in [first] + waiting { #expect(try await answer.value.status == 200) }
      #expect(try await ask().status == 200, "there is room again")
    }
  }

  @Test func whatTheModelCannotAnswerHurtsNobodyElse() async throws {
    try await serving(RemainderSource(.init(seconds: 0.02, poison: 666))) { asking async throws in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in [1, 2, 666, 4, 5] {
          group.addTask {
            let answer = try await asking.post("/v1/predict", "{\"inputs\": [[\(number), 0]]}")
            #expect(answer.status == (number == 666 ? 503 : 200))
            if number == 666 { #expect(answer.code == "model_failed") }
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test func vectorsHaveTheShapeThatClientsKnow() async throws {
    struct Reply: Decodable {
      struct Item: Decodable {
        let index: Int
        let embedding: [Float]
      }
      struct Usage: Decodable { let total_tokens: Int }
      let data: [Item]
      let usage: Usage
    }
    struct Encoded: Decodable {
      struct Item: Decodable { let embedding: String }
      let data: [Item]
    }
    try await serving(RemainderSource()) { asking async throws in
      let reply = try await asking.post("/v1/embeddings", #"{"input": [[2, 4], [6, 8]]}"#).decode(Reply.self)
      #expect(reply.data.map(\.embedding) == [[1, 2], [3, 4]])
      #expect(reply.data.map(\.index) == [0, 1])
      #expect(reply.usage.total_tokens == 6)
      let encoded = try await asking.post(
        "/v1/embeddings", #"{"input": [[2, 4]], "encoding_format": "base64"}"#
      ).decode(Encoded.self)
      let data = try #require(Data(base64Encoded: encoded.data[0].embedding))
      #expect(data == Data([0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]), "1 and 2 as little-endian float32")
      #expect(try await asking.post("/v1/embeddings", #"{"input": "text"}"#).status == 400)
    }
  }

  @Test func whatAModelCannotDoIsSaid() async throws {
    try await serving(RemainderSource()) { asking async throws in
      for (path, json) in [
        ("/v1/completions", #"{"prompt": "a"}"#),
        ("/v1/chat/completions", #"{"messages": [{"role": "user", "content": "a"}]}"#),
        ("/v1/completions", #"{"prompt": "a", "stream": true}"#),
      ] {
        let answer = try await asking.post(path, json)
        #expect(answer.status == 400)
        #expect(answer.code == "unsupported_by_model")
      }
    }
  }

  @Test func metricsCountWhatHappened() async throws {
    try await serving(RemainderSource()) { asking async throws in
      _ = try await asking.predict([1, 2, 3])
      _ = try await asking.post("/v1/predict", "{}")
      _ = try await asking.get("/no/such/route-with-a-secret")
      let answer = try await asking.get("/metrics")
      #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
      let lines = Set(answer.text.split(separator: "\n").map(String.init))
      for line in [
        #"perennial_predictions_total{version="1"} 3"#,
        #"perennial_requests_total{route="/v1/predict",code="200"} 1"#,
        #"perennial_requests_total{route="/v1/predict",code="400"} 1"#, "perennial_model_version 1",
        #"perennial_requests_total{route="NotFound",code="404"} 1"#, "perennial_batch_size_sum 3",
        "perennial_model_seconds_count 1",
        #"perennial_request_seconds_count{route="/v1/predict"} 2"#,
      ] {
        #expect(lines.contains(line), "\(line) is not in\n\(answer.text)")
      }
      #expect(!answer.text.contains("secret"))
      let memory = lines.first { $0.hasPrefix("process_resident_memory_bytes ") }
      #expect(memory.flatMap { $0.split(separator: " ").last }.flatMap { Double($0) } ?? 0 > 1e6)
    }
  }

  @Test func healthIsTold() async throws {
    try await serving(RemainderSource()) { asking async throws in
      #expect(try await asking.get("/livez").text == "ok\n")
      #expect(try await asking.get("/readyz").status == 200)
      asking.server.stopping.set()
      #expect(try await asking.get("/readyz").status == 503)
      #expect(try await asking.get("/livez").status == 200)
    }
  }

  @Test func onlyTheServersOwnNamesAreAnswered() async throws {
    try await serving(RemainderSource(), .with { $0.hostNames = ["model.example"] }) { asking async throws in
      for (host, status) in [
        ("localhost", 200), ("127.0.0.1:\(asking.port)", 200), ("[::1]", 200), ("Model.Example:80", 200),
        ("elsewhere.example", 421), ("localhost.elsewhere.example", 421),
      ] {
        let answer = try await asking.raw("GET /livez HTTP/1.1\r\nhost: \(host)\r\nconnection: close\r\n\r\n")
        #expect(answer.status == status, "\(host)")
      }
    }
  }
}
