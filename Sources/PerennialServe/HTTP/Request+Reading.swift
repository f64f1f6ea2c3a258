import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import NIOFoundationCompat

extension Request {
  /// The JSON of the body.
  ///
  /// - Throws: `ServeError` that says where it is wrong, for another type of content, and for what is too large or comes
  ///   too slowly.
  func read<Value: Decodable>(_ limits: ServeOptions.Limits) async throws -> Value {
    guard let content = headers[.contentType], content.lowercased().hasPrefix("application/json") else {
      throw ServeError.notJSON
    }
    let data = try await collect(limits)
    let decoder = JSONDecoder()
    do {
      return try decoder.decode(Value.self, from: data)
    } catch let error as DecodingError {
      throw ServeError(error)
    } catch let error as ServeError {
      throw error
    } catch {
      throw ServeError.unreadable("the body is no JSON", at: nil)
    }
  }

  private func collect(_ limits: ServeOptions.Limits) async throws -> Data {
    if let length = headers[.contentLength].flatMap(Int.init), length > limits.bodyBytes {
      throw ServeError.tooLarge(bytes: limits.bodyBytes)
    }
    do {
      let body = body
      let buffer = try await withThrowingTaskGroup(of: ByteBuffer.self) { group in
        group.addTask { try await body.collect(upTo: limits.bodyBytes) }
        group.addTask {
          try await Task.sleep(for: .seconds(limits.bodySeconds))
          throw ServeError.slow(seconds: limits.bodySeconds)
        }
        defer { group.cancelAll() }
        return try await group.next() ?? ByteBuffer()
      }
      return Data(buffer: buffer)
    } catch is NIOTooManyBytesError {
      throw ServeError.tooLarge(bytes: limits.bodyBytes)
    }
  }
}

extension ServeError {
  /// What a decoder found wrong, without what the user wrote.
  init(_ error: DecodingError) {
    func place(_ path: [any CodingKey]) -> String {
      path.reduce("") { text, key in
        if let index = key.intValue { return "\(text)[\(index)]" }
        return text.isEmpty ? key.stringValue : "\(text).\(key.stringValue)"
      }
    }
    switch error {
    case .keyNotFound(let key, let context):
      let path = place(context.codingPath + [key])
      self = .unreadable("\(path) is missing", at: path)
    case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
      let path = place(context.codingPath)
      self = .unreadable("\(path.isEmpty ? "the body" : path) must be \(Self.words(type))", at: path)
    case .dataCorrupted(let context) where !context.codingPath.isEmpty:
      let path = place(context.codingPath)
      self = .unreadable("\(path) has a value that is not allowed", at: path)
    default: self = .unreadable("the body is no JSON that can be read", at: nil)
    }
  }

  private static func words(_ type: Any.Type) -> String {
    switch type {
    case is String.Type: "a text"
    case is Bool.Type: "true or false"
    case is Int.Type, is UInt64.Type: "a whole number"
    case is Double.Type, is Float.Type: "a number"
    case is any Collection.Type: "a list"
    default: "of another type"
    }
  }
}
