import Foundation
import Perennial
import Synchronization
import Testing

@Suite struct FolderLockTests {
  /// A lock that was refused once closed its descriptor twice; by the second time it could be another thread's file.
  @Test func aLockThatIsRefusedClosesNobodyElsesFile() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("lock-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("file").path
    try Data("text".utf8).write(to: URL(fileURLWithPath: file))
    let lock = try FolderLock(folder)
    let refused = Atomic(0)
    let broken = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: 20_000) { index in
      if index % 2 == 0 {
        if (try? FolderLock(folder)) == nil { refused.add(1, ordering: .relaxed) }
      } else {
        let descriptor = open(file, O_RDONLY)
        var byte: UInt8 = 0
        if read(descriptor, &byte, 1) != 1 || close(descriptor) != 0 { broken.add(1, ordering: .relaxed) }
      }
    }
    #expect(refused.load(ordering: .relaxed) == 10_000)
    #expect(broken.load(ordering: .relaxed) == 0)
    withExtendedLifetime(lock) {}
  }
}
