import Foundation

/// A small set of images in the files of MNIST, in which a test can break what it likes.
struct FakeMNIST {
  /// The labels of the training and of the test images.
  var labels: (train: [UInt8], test: [UInt8]) = (
    (0..<60).map { $0 % 10 }, (0..<20).map { $0 % 10 }
  )

  /// IDX: a magic number, the sizes big-endian, the bytes.
  static func idx(_ sizes: [UInt32], _ bytes: [UInt8], magic: UInt32? = nil) -> Data {
    var data = Data()
    for number in [magic ?? 0x800 + UInt32(sizes.count)] + sizes {
      withUnsafeBytes(of: number.bigEndian) { data.append(contentsOf: $0) }
    }
    return data + bytes
  }

  /// 8×8 images in which a class is a bright row.
  static func images(_ labels: [UInt8]) -> Data {
    let pixels = labels.flatMap { label in (0..<64).map { $0 / 8 == Int(label) % 8 ? 255 : label } as [UInt8]
    }
    return idx([UInt32(labels.count), 8, 8], pixels)
  }

  /// Writes the four files below a data root.
  func write(in folder: TestFolder) throws {
    for (part, labels) in [("train", labels.train), ("t10k", labels.test)] {
      try folder.write(Self.images(labels), "mnist/\(part)-images-idx3-ubyte")
      try folder.write(Self.idx([UInt32(labels.count)], labels), "mnist/\(part)-labels-idx1-ubyte")
    }
  }
}
