import NIOCore
import NIOHTTPTypes

/// Closes connections whose request does not arrive in time, and those that an answer declares closed.
///
/// Who sends a byte every second is never idle; the time for a whole request is what counts. An answer given before all
/// of the request came, such as to one that is too large, ends the connection: nobody reads the rest.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let seconds: Int
  private var deadline: Scheduled<Void>?
  private var isLast = false

  /// - Parameter seconds: in which a request must have arrived, from its head to its end.
  init(seconds: Int) { self.seconds = seconds }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head:
      let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
      // A little later than the one who reads the body, who can still say what was wrong.
      deadline = context.eventLoop.scheduleTask(in: .seconds(Int64(seconds)) + .milliseconds(500)) {
        bound.value.close(promise: nil)
      }
    case .body: break
    case .end: cancelDeadline()
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head(let head):
      isLast = head.headerFields[.connection]?.lowercased() == "close"
      context.write(data, promise: promise)
    case .body: context.write(data, promise: promise)
    case .end:
      guard isLast else { return context.write(data, promise: promise) }
      let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
      let written = promise ?? context.eventLoop.makePromise(of: Void.self)
      written.futureResult.whenComplete { _ in bound.value.close(promise: nil) }
      context.writeAndFlush(data, promise: written)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    cancelDeadline()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { cancelDeadline() }

  private func cancelDeadline() {
    deadline?.cancel()
    deadline = nil
  }
}
