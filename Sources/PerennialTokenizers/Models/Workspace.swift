import Foundation

/// Buffers and the word cache of one thread at a time.
struct Workspace {
  var cache = WordCache()
  var symbols = SymbolList()
  var tokens: [Token] = []
}

/// Lends workspaces, so that threads that encode at once share neither buffers nor locks while they do.
final class WorkspacePool: @unchecked Sendable {
  private let lock = NSLock()
  private var idle: [Workspace] = []

  func withWorkspace<Result>(_ body: (inout Workspace) -> Result) -> Result {
    var workspace = lock.withLock { idle.popLast() } ?? Workspace()
    defer { lock.withLock { idle.append(workspace) } }
    return body(&workspace)
  }
}
