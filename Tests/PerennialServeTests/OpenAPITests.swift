import Foundation
import Testing

@testable import PerennialServe

@Suite struct OpenAPITests {
  private struct Document: Decodable {
    struct Operation: Decodable {
      let operationId: String
      let summary: String
    }

    let openapi: String
    let paths: [String: [String: Operation]]
  }

  /// Every route is described, and nothing else is.
  @Test func theDocumentAndTheRoutesAgree() async throws {
    let server = try await ModelServer(RemainderSource(), .learning())
    let routes = try Set(server.router().routes.map { "\($0.method.rawValue) \($0.path)" })
    let document = try JSONDecoder().decode(Document.self, from: Data(PackageResources.openapi_json))
    #expect(document.openapi == "3.1.0")
    let described = document.paths.flatMap { path, operations in
      operations.keys.map { "\($0.uppercased()) \(path)" }
    }
    #expect(Set(described) == routes)
    #expect(routes.count == 20)
    let names = document.paths.values.flatMap { $0.values.map(\.operationId) }
    #expect(Set(names).count == names.count)
  }

  @Test func theDocumentIsServed() async throws {
    try await serving(RemainderSource()) { asking async throws in
      let answer = try await asking.get("/openapi.json")
      #expect(answer.headers["content-type"] == "application/json; charset=utf-8")
      #expect(answer.headers["cache-control"] == "no-store")
      #expect(Array(answer.text.utf8) == PackageResources.openapi_json)
    }
  }

  @Test func thePageNeedsNothingFromElsewhere() async throws {
    try await serving(RemainderSource()) { asking async throws in
      let answer = try await asking.get("/")
      #expect(answer.status == 200)
      #expect(answer.headers["content-security-policy"]?.contains("default-src 'none'") == true)
      #expect(!answer.text.contains("http://") && !answer.text.contains("https://"))
    }
  }

  @Test func thePresentAndThePastAreTold() async throws {
    try await serving(RemainderSource(), .learning()) { asking async throws in
      let history = try await asking.get("/v1/history").decode(VersionHistory.self)
      #expect(history.current == 1)
      #expect(history.suites == ["one", "two"])
      let models = try await asking.get("/v1/models")
      #expect(models.text.contains(#""id":"remainders""#) && models.text.contains(#""owned_by":"perennial""#))
      let overview = try await asking.get("/v1/overview")
      #expect(overview.text.contains(#""version":1"#))
    }
  }
}
