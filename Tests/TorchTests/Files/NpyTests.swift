import Foundation
import TestSupport
import Testing

@testable import Torch

@Suite("npy and npz")
struct NpyTests {
  private struct Expected: Decodable {
    let shape: [Int]
    let values: [Double]
  }

  static let cases = [
    "float16", "float32", "float64", "big_float32", "int8", "int32", "int64", "big_int16", "big_int64",
    "uint8",
    "uint16", "big_uint16", "uint32", "uint64", "bool", "fortran", "fortran_big", "scalar", "vector", "empty",
  ]

  @Test("reads what NumPy wrote", arguments: cases)
  func values(name: String) throws {
    let all = try JSONDecoder().decode(
      [String: Expected].self, from: Data(contentsOf: NumPyFixtures.url("expected.json")))
    let expected = try #require(all[name])
    let array = try NpyArray(NumPyFixtures.url("\(name).npy"))
    #expect(array.shape == expected.shape)
    #expect(array.bytes.count == expected.values.count * array.dtype.byteCount)
    #expect(values(of: array) == expected.values)
    let tensor = try array.tensor()
    #expect(tensor.shape == expected.shape)
    #expect(tensor.dtype == array.dtype)
  }

  @Test("types that tensors lack grow, others stay")
  func types() throws {
    let types = try Self.cases.reduce(into: [:]) {
      $0[$1] = try NpyArray(NumPyFixtures.url("\($1).npy")).dtype
    }
    #expect(types["uint16"] == .int32)
    #expect(types["uint32"] == .int64)
    #expect(types["uint64"] == .int64)
    #expect(types["uint8"] == .uint8)
    #expect(types["bool"] == .bool)
    #expect(types["float16"] == .float16)
  }

  @Test("refuses what is no plain number", arguments: ["object", "text", "complex", "record"])
  func refused(name: String) throws {
    let error = #expect(throws: FileError.self) { try NpyArray(NumPyFixtures.url("refused_\(name).npy")) }
    #expect(error?.kind == .unsupported)
    #expect(error?.file.hasSuffix("refused_\(name).npy") == true)
  }

  @Test("a shape beyond memory is refused before anything is allocated")
  func hugeShape() throws {
    for shape in [
      "9223372036854775807, 9", "4294967296, 4294967296", "99999999999999999999", "1000000000000",
    ] {
      #expect(throws: FileError.self) {
        try NpyArray(Data(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (\(shape),), }")), file: "a")
      }
    }
  }

  @Test("a header that is no header names the place")
  func headers() throws {
    func failure(_ header: String, version: UInt8 = 1) -> FileError? {
      #expect(throws: FileError.self) { try NpyArray(Data(npy(header, version: version)), file: "a.npy") }
    }
    #expect(
      failure("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", version: 9)?.kind == .unsupported)
    #expect(failure("{'descr': '<f4', 'fortran_order': False}")?.message.contains("'shape'") == true)
    #expect(failure("{'descr': '<f4', 'shape': (2,), }")?.message.contains("'fortran_order'") == true)
    #expect(failure("{'fortran_order': False, 'shape': (2,), }")?.message.contains("'descr'") == true)
    #expect(failure("{'descr': '<f4', 'fortran_order': False, 'shape': (2,-1), }")?.kind == .corrupt)
    #expect(failure("{'descr': '<f4")?.message.contains("quote") == true)
    #expect(failure("")?.kind == .corrupt)
    #expect(failure("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }")?.kind == .truncated)
    #expect(failure("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }")?.kind == .corrupt)
    let scalars = try NpyArray(Data(npy("{'shape':(2,),'fortran_order':False,\"descr\":'<f4'}")), file: "a")
    #expect(scalars.shape == [2])
  }

  @Test("values that do not fit are errors")
  func ranges() throws {
    var bytes = try NumPyFixtures.bytes("uint64.npy")
    bytes[bytes.count - 1] = 0x80
    let large = #expect(throws: FileError.self) { try NpyArray(Data(bytes), file: "a.npy") }
    #expect(large?.place == .record(23))
    bytes = try NumPyFixtures.bytes("bool.npy")
    bytes[bytes.count - 2] = 2
    let flag = #expect(throws: FileError.self) { try NpyArray(Data(bytes), file: "a.npy") }
    #expect(flag?.place == .record(22))
  }

  @Test("arrays of an archive go by name, and a missing one lists those that are there")
  func archive() throws {
    for file in ["stored.npz", "deflated.npz"] {
      let archive = try NpzArchive(NumPyFixtures.url(file))
      #expect(archive.names == ["x", "y"])
      #expect(try archive.array("x").bytes == NpyArray(NumPyFixtures.url("float32.npy")).bytes)
      #expect(try archive.array("y").dtype == .int64)
      let error = #expect(throws: FileError.self) { try archive.array("z") }
      #expect(error?.message == "no array 'z'; there are x, y")
    }
  }

  @Test("damaged files never crash", arguments: ["fortran_big", "float32", "uint16", "bool"])
  func fuzz(name: String) throws {
    var errors = 0
    for bytes in FileMutations(of: try NumPyFixtures.bytes("\(name).npy"), count: 500) {
      do {
        let array = try NpyArray(Data(bytes), file: name)
        #expect(array.shape.reduce(array.dtype.byteCount, *) == array.bytes.count)
      } catch is FileError {
        errors += 1
      }
    }
    #expect(errors > 150)
  }

  /// A file with eight bytes of data.
  private func npy(_ header: String, version: UInt8 = 1) -> [UInt8] {
    [0x93] + Array("NUMPY".utf8) + [version, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
      + [UInt8](repeating: 0, count: 8)
  }

  private func values(of array: NpyArray) -> [Double] {
    let count = array.bytes.count / array.dtype.byteCount
    return array.bytes.withUnsafeBytes { bytes in
      (0..<count).map { index in
        func load<Value>(_ type: Value.Type) -> Value {
          bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<Value>.size, as: type)
        }
        return switch array.dtype {
        case .uint8, .bool: Double(load(UInt8.self))
        case .int8: Double(load(Int8.self))
        case .int16: Double(load(Int16.self))
        case .int32: Double(load(Int32.self))
        case .int64: Double(load(Int64.self))
        case .float32: Double(load(Float.self))
        case .float64: load(Double.self)
        case .float16, .bfloat16: Double(half: load(UInt16.self))
        }
      }
    }
  }
}

extension Double {
  /// The value of an IEEE half-precision number that is not infinite.
  fileprivate init(half bits: UInt16) {
    let exponent = Int(bits >> 10 & 0x1f)
    let fraction = Double(bits & 0x3ff) / 1024
    let magnitude =
      exponent == 0
      ? fraction * 0x1p-14 : (1 + fraction) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
    self = bits & 0x8000 == 0 ? magnitude : -magnitude
  }
}
