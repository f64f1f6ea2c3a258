import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes

/// HTTP/1.1 whose connections end well even where nobody has come to handle them.
///
/// A server that stops drops connections that it has accepted and not looked at yet; NIO ends the process for a stream that
/// is dropped without being finished, and with it every request that is still being answered.
struct ConnectionChannel: ServerChildChannel {
  let base: HTTP1Channel

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Connection> {
    base.setup(channel: channel, logger: logger).map { Connection($0) }
  }

  func handle(value: Connection, logger: Logger) async {
    if let streams = value.take() { await base.handle(value: streams, logger: logger) }
  }
}

/// A connection that finishes by itself where nobody takes it.
final class Connection: ServerChildChannelValue {
  typealias Streams = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

  let channel: any Channel
  private let streams: Locked<Streams?>

  init(_ streams: Streams) {
    channel = streams.channel
    self.streams = Locked(streams)
  }

  deinit {
    if let streams = take() { Task { try? await streams.executeThenClose { _, _ in } } }
  }

  /// The streams, once.
  func take() -> Streams? {
    streams { streams in
      defer { streams = nil }
      return streams
    }
  }
}
