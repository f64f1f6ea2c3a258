import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import NIOFoundationCompat

/// Makes responses.
enum Reply {
  static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
    Response(
      status: status, headers: headers("application/json; charset=utf-8"),
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: try encoded(value))))
  }

  static func text(_ text: String, type: String, status: HTTPResponse.Status = .ok) -> Response {
    Response(
      status: status, headers: headers(type), body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }

  static func bytes(_ bytes: [UInt8], type: String) -> Response {
    Response(status: .ok, headers: headers(type), body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  /// A stream of server-sent events; `write` is given a function that sends one.
  static func events(
    _ write:
      @escaping @Sendable (_ send: (_ name: String?, _ data: String) async throws -> Void) async throws ->
      Void
  ) -> Response {
    var headers = headers("text/event-stream; charset=utf-8")
    // Asks proxies not to hold events back.
    if let name = HTTPField.Name("x-accel-buffering") { headers[name] = "no" }
    return Response(
      status: .ok, headers: headers,
      body: ResponseBody { writer in
        var sink = writer
        try await write { name, data in
          let event = name.map { "event: \($0)\n" } ?? ""
          try await sink.write(ByteBuffer(string: "\(event)data: \(data)\n\n"))
        }
        try await sink.finish(nil)
      })
  }

  static func encoded(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    return try encoder.encode(value)
  }

  private static func headers(_ type: String) -> HTTPFields {
    [.contentType: type, .cacheControl: "no-store", .xContentTypeOptions: "nosniff"]
  }
}
