/// The directory at the end of a zip archive.
struct ZipDirectory {
  let bytes: UnsafeRawBufferPointer
  let file: String

  /// The members in the directory's order.
  func entries() throws -> [ZipArchive.Entry] {
    let (offset, size, count) = try extent()
    // A directory entry takes at least 46 bytes.
    guard let directory = bytes.slice(at: offset, length: size), count <= size / 46 else {
      throw FileError(
        .corrupt, file, .byte(offset), "the directory of \(count) members lies outside of the archive")
    }
    var entries: [ZipArchive.Entry] = []
    entries.reserveCapacity(count)
    var position = 0
    for index in 0..<count {
      guard let (entry, length) = entry(in: directory, at: position) else {
        throw FileError(
          .corrupt, file, .byte(offset + position),
          "the directory is broken at member \(index + 1) of \(count)")
      }
      entries.append(entry)
      position += length
    }
    return entries
  }

  /// Where the directory lies, and how many members it has.
  private func extent() throws -> (offset: Int, size: Int, count: Int) {
    // The end record is 22 bytes and a comment of up to 65,535.
    var end = bytes.count - 22
    let lowest = max(0, end - 65_535)
    while end >= lowest, !isEndRecord(at: end) { end -= 1 }
    guard end >= lowest, let count = bytes.integer(at: end + 10, as: UInt16.self),
      let size = bytes.integer(at: end + 12, as: UInt32.self),
      let offset = bytes.integer(at: end + 16, as: UInt32.self)
    else {
      throw FileError(.format, file, "no zip archive, or one that is cut off: its directory is not there")
    }
    if count == .max || size == .max || offset == .max, let wide = try wideExtent(before: end) { return wide }
    return (Int(offset), Int(size), Int(count))
  }

  private func isEndRecord(at offset: Int) -> Bool {
    guard bytes.integer(at: offset, as: UInt32.self) == 0x0605_4b50,
      let comment = bytes.integer(at: offset + 20, as: UInt16.self)
    else { return false }
    return offset + 22 + Int(comment) == bytes.count
  }

  /// The same from the zip64 record, which the locator in front of the end record points to.
  private func wideExtent(before end: Int) throws -> (offset: Int, size: Int, count: Int)? {
    guard bytes.integer(at: end - 20, as: UInt32.self) == 0x0706_4b50 else { return nil }
    guard let record = bytes.integer(at: end - 12, as: UInt64.self).flatMap(Int.init(exactly:)), record < end,
      bytes.integer(at: record, as: UInt32.self) == 0x0606_4b50,
      let count = bytes.integer(at: record + 32, as: UInt64.self).flatMap(Int.init(exactly:)),
      let size = bytes.integer(at: record + 40, as: UInt64.self).flatMap(Int.init(exactly:)),
      let offset = bytes.integer(at: record + 48, as: UInt64.self).flatMap(Int.init(exactly:))
    else {
      throw FileError(.corrupt, file, .byte(end - 20), "the zip64 directory is not where the archive says")
    }
    return (offset, size, count)
  }

  private func entry(
    in directory: UnsafeRawBufferPointer, at offset: Int
  ) -> (entry: ZipArchive.Entry, length: Int)? {
    guard directory.integer(at: offset, as: UInt32.self) == 0x0201_4b50,
      let flags = directory.integer(at: offset + 8, as: UInt16.self),
      let method = directory.integer(at: offset + 10, as: UInt16.self),
      let checksum = directory.integer(at: offset + 16, as: UInt32.self),
      let packed = directory.integer(at: offset + 20, as: UInt32.self),
      let size = directory.integer(at: offset + 24, as: UInt32.self),
      let nameLength = directory.integer(at: offset + 28, as: UInt16.self).map(Int.init),
      let extraLength = directory.integer(at: offset + 30, as: UInt16.self).map(Int.init),
      let commentLength = directory.integer(at: offset + 32, as: UInt16.self).map(Int.init),
      let header = directory.integer(at: offset + 42, as: UInt32.self),
      let name = directory.slice(at: offset + 46, length: nameLength),
      let extra = directory.slice(at: offset + 46 + nameLength, length: extraLength)
    else { return nil }
    // A field that does not fit in 32 bits is all ones, and stands in the zip64 field in this order.
    var wide = WideFields(extra: extra)
    guard let size = wide.next(size), let packed = wide.next(packed), let header = wide.next(header),
      header < bytes.count, packed <= bytes.count
    else { return nil }
    let entry = ZipArchive.Entry(
      name: String(decoding: name, as: UTF8.self), size: size, compressedSize: packed, method: method,
      flags: flags,
      checksum: checksum, headerOffset: header)
    return (entry, 46 + nameLength + extraLength + commentLength)
  }
}

/// The 64-bit values in a member's extra field 1.
private struct WideFields {
  private var values: UnsafeRawBufferPointer?
  private var offset = 0

  init(extra: UnsafeRawBufferPointer) {
    var position = 0
    while let identifier = extra.integer(at: position, as: UInt16.self),
      let length = extra.integer(at: position + 2, as: UInt16.self).map(Int.init)
    {
      if identifier == 1 {
        values = extra.slice(at: position + 4, length: length)
        return
      }
      position += 4 + length
    }
  }

  /// The value itself, or the next wide one where the value is all ones.
  mutating func next(_ value: UInt32) -> Int? {
    guard value == .max else { return Int(value) }
    defer { offset += 8 }
    return values?.integer(at: offset, as: UInt64.self).flatMap(Int.init(exactly:))
  }
}
