import Foundation

@testable import Torch

/// Archives whose members are stored, built without the readers that they test.
enum TestArchives {
  static func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
    var rest = bytes[...]
    repeat {
      let block = rest.prefix(65_535)
      rest = rest.dropFirst(block.count)
      let length = UInt16(block.count)
      result += [rest.isEmpty ? 1 : 0] + little(length) + little(~length) + block
    } while !rest.isEmpty
    return result + little(bytes.withUnsafeBytes(Inflate.checksum)) + little(UInt32(bytes.count))
  }

  static func zip(_ members: [(name: String, content: [UInt8])]) -> [UInt8] {
    var result: [UInt8] = []
    var directory: [UInt8] = []
    for (name, content) in members {
      let sum = content.withUnsafeBytes(Inflate.checksum)
      let common: [UInt8] =
        [20, 0, 0, 0, 0, 0, 0, 0, 0, 0] + little(sum) + little(UInt32(content.count))
        + little(UInt32(content.count))
        + little(UInt16(name.utf8.count)) + [0, 0]
      directory +=
        [0x50, 0x4b, 1, 2, 20, 0] + common + [UInt8](repeating: 0, count: 10) + little(UInt32(result.count))
      directory += Array(name.utf8)
      result += [0x50, 0x4b, 3, 4] + common + Array(name.utf8) + content
    }
    let count = little(UInt16(members.count))
    return result + directory + [0x50, 0x4b, 5, 6, 0, 0, 0, 0] + count + count
      + little(UInt32(directory.count))
      + little(UInt32(result.count)) + [0, 0]
  }

  static func tar(_ members: [(name: String, content: [UInt8])]) -> [UInt8] {
    members.flatMap { tarMember($0.name, $0.content) } + [UInt8](repeating: 0, count: 1024)
  }

  static func tarMember(_ name: String, _ content: [UInt8], type: Character = "0") -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int) {
      header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
    }
    put(String(name.prefix(100)), at: 0)
    put(String(content.count, radix: 8), at: 124)
    put(String(type), at: 156)
    put("ustar", at: 257)
    put("        ", at: 148)
    put(String(header.reduce(0) { $0 + Int($1) }, radix: 8) + "\0 ", at: 148)
    return header + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
  }

  /// An IDX file of unsigned bytes.
  static func idx(_ shape: [Int], _ bytes: [UInt8]) -> [UInt8] {
    [0, 0, 8, UInt8(shape.count)] + shape.flatMap { big(UInt32($0)) } + bytes
  }

  static func big(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

  private static func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}
