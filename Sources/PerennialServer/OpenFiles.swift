import Foundation

/// How many files and connections a process may have open at a time.
enum OpenFiles {
  /// What a model directory, its database and the libraries need beside connections.
  private static let others = 256

  /// Raises the soft limit, which is often 1024, as far as connections need it and the system allows: a server without a
  /// descriptor left could keep no label.
  static func makeRoom(for connections: Int) {
    #if canImport(Glibc)
      let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
      let kind = RLIMIT_NOFILE
    #endif
    var limit = rlimit()
    guard getrlimit(kind, &limit) == 0 else { return }
    let wanted = rlim_t(connections + others)
    guard limit.rlim_cur < wanted else { return }
    limit.rlim_cur = min(wanted, limit.rlim_max)
    _ = setrlimit(kind, &limit)
    guard limit.rlim_cur < wanted else { return }
    let line =
      "\(limit.rlim_cur) open files are allowed, and \(connections) connections need \(wanted): raise `ulimit -n`\n"
    FileHandle.standardError.write(Data(line.utf8))
  }
}
