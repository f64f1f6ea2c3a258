/// What is wrong with a file, and where in it.
///
/// Every reader of data throws this, so that whoever owns the file can mend it: `description` names the file,
/// the place and what is allowed there.
public struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The kind of fault, for programs; `message` is for people.
  public enum Kind: String, Sendable {
    /// The file or folder is not there.
    case missing
    /// It is there and cannot be read or written.
    case unreadable
    /// It ends before what it announces.
    case truncated
    /// Its bytes contradict its format or its checksum.
    case corrupt
    /// It is of another format than the reader's.
    case format
    /// The format is right, and uses a feature that the reader does not know.
    case unsupported
    /// A value lies outside of what is allowed.
    case range
    /// Two parts that belong together do not fit.
    case mismatch
    /// There is nothing to read.
    case empty
  }

  /// A place inside a file.
  public enum Place: Equatable, Sendable, CustomStringConvertible {
    /// An offset in bytes from the beginning.
    case byte(Int)
    /// A member of an archive.
    case entry(String)
    /// A row counted from 1, the header not included, and the column where one is meant.
    case row(Int, column: String?)
    /// A record counted from 0.
    case record(Int)

    public var description: String {
      switch self {
      case .byte(let offset): "at byte \(offset)"
      case .entry(let name): "in entry '\(name)'"
      case .row(let row, nil): "in row \(row)"
      case .row(let row, let column?): "in row \(row), column \(column)"
      case .record(let index): "in record \(index)"
      }
    }
  }

  /// What kind of fault it is.
  public let kind: Kind

  /// The path of the file, or of the archive and the member in it.
  public let file: String

  /// Where in the file, when that is known.
  public let place: Place?

  /// What is wrong there, and what is allowed.
  public let message: String

  /// A fault at a place in a file.
  public init(_ kind: Kind, _ file: String, _ place: Place?, _ message: String) {
    self.kind = kind
    self.file = file
    self.place = place
    self.message = message
  }

  /// A fault of the file as a whole.
  public init(_ kind: Kind, _ file: String, _ message: String) {
    self.init(kind, file, nil, message)
  }

  public var description: String {
    place.map { "\(file), \($0): \(message)" } ?? "\(file): \(message)"
  }
}
