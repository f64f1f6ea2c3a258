import Foundation
import Torch

/// Tokens in a file that this process alone knows, read as memory as it is needed: there may be more than fit.
final class TokenFile {
  private let url: URL
  private let handle: FileHandle
  private var pending: [Int32] = []
  private(set) var count = 0
  /// Room for the header, so that the tokens begin at an address that suits every type.
  private static let headerBytes = 256
  private static let batch = 1 << 18

  /// - Parameter folder: has room for four bytes a token.
  /// - Throws: `TextDataError` where no file can be made.
  init(in folder: URL = FileManager.default.temporaryDirectory) throws {
    url = folder.appendingPathComponent("perennial-tokens-\(UUID().uuidString)")
    guard FileManager.default.createFile(atPath: url.path, contents: Data(count: Self.headerBytes)),
      let handle = try? FileHandle(forWritingTo: url)
    else {
      throw TextDataError(url.path, "no file for tokens can be made there; set TMPDIR to another folder")
    }
    self.handle = handle
    try write { try handle.seekToEnd() }
  }

  deinit {
    try? handle.close()
    try? FileManager.default.removeItem(at: url)
  }

  /// - Throws: `TextDataError` where the disk is full.
  func append(_ tokens: [Int]) throws {
    pending += tokens.map { Int32(truncatingIfNeeded: $0) }
    count += tokens.count
    if pending.count >= Self.batch { try flush() }
  }

  /// All tokens, int32 `[count]`. The file is gone with the last use of its memory.
  func tensor() throws -> Tensor {
    guard count > 0 else { return try Tensor.zeros([0], dtype: .int32) }
    try flush()
    let json = #"{"tokens":{"dtype":"I32","shape":[\#(count)],"data_offsets":[0,\#(4 * count)]}}"#
    let room = Self.headerBytes - 8
    var header = withUnsafeBytes(of: UInt64(room).littleEndian) { Data($0) }
    header += Data(json.utf8) + Data(repeating: UInt8(ascii: " "), count: room - json.utf8.count)
    try write {
      try handle.seek(toOffset: 0)
      try handle.write(contentsOf: header)
    }
    guard let tokens = try Safetensors.read(url, copying: false).tensors["tokens"] else {
      throw TextDataError(url.path, "the file of tokens was changed")
    }
    return tokens
  }

  private func flush() throws {
    try write { try pending.withUnsafeBytes { try handle.write(contentsOf: Data($0)) } }
    pending.removeAll(keepingCapacity: true)
  }

  private func write(_ body: () throws -> Void) throws {
    do { try body() } catch {
      throw TextDataError(
        url.path,
        "the tokens cannot be written: \(error.localizedDescription); TMPDIR may name another folder")
    }
  }
}
