import Foundation

extension Data {
  /// The content of a file, mapped into memory where the system allows it.
  ///
  /// - Throws: `FileError` (`missing`, `unreadable`).
  package init(file url: URL) throws {
    do {
      self = try Data(contentsOf: url, options: .mappedIfSafe)
    } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
      throw FileError(.missing, url.path, "no such file")
    } catch {
      throw FileError(.unreadable, url.path, "cannot be read: \(error.localizedDescription)")
    }
  }
}

extension UnsafeRawBufferPointer {
  /// The integer whose bytes begin at `offset`, or nil where they lie outside of the buffer.
  package func integer<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type, bigEndian: Bool = false)
    -> Value?
  {
    guard offset >= 0, count >= MemoryLayout<Value>.size, offset <= count - MemoryLayout<Value>.size else {
      return nil
    }
    let value = loadUnaligned(fromByteOffset: offset, as: type)
    return bigEndian ? Value(bigEndian: value) : Value(littleEndian: value)
  }

  /// The `length` bytes that begin at `offset`, or nil where they lie outside of the buffer.
  package func slice(at offset: Int, length: Int) -> UnsafeRawBufferPointer? {
    guard offset >= 0, length >= 0, offset <= count, length <= count - offset else { return nil }
    return UnsafeRawBufferPointer(rebasing: self[offset..<offset + length])
  }
}

extension Collection<Int> {
  /// The product of a shape's sizes, or nil where one is negative or the product overflows.
  package var elementCount: Int? {
    var product = 1
    for size in self {
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflow else { return nil }
      product = next
    }
    return product
  }
}
