import Foundation

/// A file mapped into memory, unmapped when the last user lets go. Writes to it stay in this process.
final class FileMapping {
  let base: UnsafeMutableRawPointer
  let count: Int
  private let isMapped: Bool

  /// - Throws: `TorchError` (`file`) naming the file that cannot be opened or mapped.
  init(_ url: URL) throws {
    let path = url.path
    func fail(_ what: String) -> TorchError {
      TorchError(.file, "\(path): \(what): \(String(cString: strerror(errno)))")
    }
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { throw fail("cannot be opened") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw fail("cannot be read") }
    guard status.st_mode & S_IFMT == S_IFREG else { throw TorchError(.file, "\(path): is not a file") }
    count = Int(status.st_size)
    guard count > 0 else {
      base = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1)
      isMapped = false
      return
    }
    guard let memory = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0),
      memory != MAP_FAILED
    else { throw fail("cannot be mapped") }
    base = memory
    isMapped = true
  }

  deinit {
    if isMapped { munmap(base, count) } else { base.deallocate() }
  }
}
