/// The header of a `.npy` file: a Python dictionary that is read here without Python.
///
/// Format: NumPy Enhancement Proposal 1, versions 1.0, 2.0 and 3.0.
struct NpyHeader: Equatable {
  /// NumPy's name of the element type, such as `<f4`.
  let typeName: String
  let fortranOrder: Bool
  let shape: [Int]
  /// Where the elements begin.
  let dataOffset: Int

  init(_ bytes: UnsafeRawBufferPointer, file: String) throws {
    guard bytes.starts(with: [0x93] + Array("NUMPY".utf8)), let version = bytes.integer(at: 6, as: UInt8.self)
    else {
      throw FileError(.format, file, .byte(0), "not a .npy file: it does not begin with \\x93NUMPY")
    }
    guard (1...3).contains(version) else {
      throw FileError(.unsupported, file, .byte(6), "version \(version) of the format; 1, 2 and 3 are known")
    }
    let start = version == 1 ? 10 : 12
    let length =
      version == 1
      ? bytes.integer(at: 8, as: UInt16.self).map(Int.init)
      : bytes.integer(at: 8, as: UInt32.self).map(Int.init)
    guard let length, let text = bytes.slice(at: start, length: length) else {
      throw FileError(.truncated, file, .byte(8), "the file ends inside its header")
    }
    var scanner = PythonScanner(text: text, file: file, offset: start)
    let fields = try scanner.dictionary()
    guard case .text(let typeName)? = fields["descr"] else {
      if case .list? = fields["descr"] {
        throw FileError(
          .unsupported, file, .byte(start), "records of several fields; plain numbers are known")
      }
      throw FileError(.corrupt, file, .byte(start), "the header has no element type 'descr'")
    }
    guard case .flag(let fortranOrder)? = fields["fortran_order"] else {
      throw FileError(.corrupt, file, .byte(start), "the header has no 'fortran_order' that is True or False")
    }
    guard case .tuple(let shape)? = fields["shape"] else {
      throw FileError(.corrupt, file, .byte(start), "the header has no 'shape' that is a tuple")
    }
    self.typeName = typeName
    self.fortranOrder = fortranOrder
    self.shape = shape
    dataOffset = start + length
  }
}

/// Reads the few Python literals that a header is made of.
private struct PythonScanner {
  enum Value {
    case text(String)
    case flag(Bool)
    case tuple([Int])
    case list
  }

  let text: UnsafeRawBufferPointer
  let file: String
  /// Where `text` begins in the file.
  let offset: Int
  private var position = 0

  init(text: UnsafeRawBufferPointer, file: String, offset: Int) {
    self.text = text
    self.file = file
    self.offset = offset
  }

  mutating func dictionary() throws -> [String: Value] {
    var fields: [String: Value] = [:]
    try expect("{")
    while !accept("}") {
      let key = try string()
      try expect(":")
      fields[key] = try value()
      // What a list holds is of no interest: the caller refuses it.
      if case .list? = fields[key] { return fields }
      if !accept(",") {
        try expect("}")
        break
      }
    }
    return fields
  }

  private mutating func value() throws -> Value {
    if accept("[") { return .list }
    if accept("(") { return .tuple(try integers()) }
    if accept("True") { return .flag(true) }
    if accept("False") { return .flag(false) }
    return .text(try string())
  }

  /// The numbers of a tuple whose parenthesis is open.
  private mutating func integers() throws -> [Int] {
    var numbers: [Int] = []
    while !accept(")") {
      var digits = ""
      while position < text.count, (0x30...0x39).contains(text[position]) {
        digits.unicodeScalars.append(Unicode.Scalar(text[position]))
        position += 1
      }
      guard let number = Int(digits) else { throw broken("a size that is no number, or too large") }
      numbers.append(number)
      _ = accept("L")
      if !accept(",") {
        try expect(")")
        break
      }
    }
    return numbers
  }

  private mutating func string() throws -> String {
    skipSpaces()
    guard position < text.count, text[position] == 0x27 || text[position] == 0x22 else {
      throw broken("a quoted name is missing")
    }
    let quote = text[position]
    let start = position + 1
    guard let end = text[start...].firstIndex(of: quote) else { throw broken("a quote is not closed") }
    position = end + 1
    return String(decoding: text[start..<end], as: UTF8.self)
  }

  private mutating func accept(_ token: StaticString) -> Bool {
    skipSpaces()
    let wanted = UnsafeRawBufferPointer(start: token.utf8Start, count: token.utf8CodeUnitCount)
    guard let found = text.slice(at: position, length: wanted.count), found.elementsEqual(wanted) else {
      return false
    }
    position += wanted.count
    skipSpaces()
    return true
  }

  private mutating func expect(_ token: StaticString) throws {
    if !accept(token) { throw broken("'\(token)' is missing") }
  }

  private mutating func skipSpaces() {
    while position < text.count, [0x20, 0x09, 0x0a, 0x0d].contains(text[position]) { position += 1 }
  }

  private func broken(_ what: String) -> FileError {
    FileError(.corrupt, file, .byte(offset + position), "the header is broken: \(what)")
  }
}
