import Foundation
import Perennial
import Torch

/// Running text of one domain, which may be larger than memory.
public struct Corpus: Sendable {
  public let name: String
  private let source: Source

  private enum Source {
    case text(String)
    /// One after the other, with what comes between two.
    case files([URL], separator: String)
  }

  public init(_ name: String, text: String) { (self.name, source) = (name, .text(text)) }

  private init(_ name: String, files: [URL], separator: String = "\n") {
    (self.name, source) = (name, .files(files, separator: separator))
  }

  /// Gives the text in pieces that fit into memory.
  ///
  /// - Throws: `TextDataError` for what cannot be read, is not UTF-8, or is empty; what `body` throws.
  public func pieces(_ body: (String) throws -> Void) throws {
    switch source {
    case .text(let text): try body(text)
    case .files(let files, let separator):
      for (index, file) in files.enumerated() {
        if index > 0, !separator.isEmpty { try body(separator) }
        try TextPieces.read(file, body)
      }
    }
  }

  /// All of it.
  public func text() throws -> String {
    var text = ""
    try pieces { text += $0 }
    return text
  }

  /// The corpora that have a name, and what they are.
  public static let known: KeyValuePairs<String, String> = [
    "tiny-shakespeare": "plays, as nanoGPT uses them", "genesis": "Genesis in English, two translations",
    "state-of-the-union": "speeches from 1945 to 2006, in the order of time",
    "inaugural": "inaugural speeches from 1789 to 2021, in the order of time",
    "wikitext-2": "articles of an encyclopaedia: validation and test parts",
  ]

  /// A corpus by its name.
  ///
  /// - Throws: `MissingDataError` where it is not below the data root; what reading it throws.
  public static func named(_ name: String, _ root: DataRoot) throws -> Corpus? {
    switch name {
    case "tiny-shakespeare":
      let folder = try root.folder(of: "tinyshakespeare")
      return Corpus(name, files: [try root.file(["input.txt"], in: folder, of: name)])
    case "wikitext-2":
      let folder = try root.folder(of: "wikitext-2")
      let files = try ["valid.txt", "test.txt"].map { try root.file([$0], in: folder, of: name) }
      return Corpus(name, files: files, separator: "")
    case "genesis": return try nltk("genesis", as: name, root) { $0.contains("english-") }
    case "state-of-the-union": return try nltk("state_union", as: name, root) { _ in true }
    case "inaugural": return try nltk("inaugural", as: name, root) { _ in true }
    default: return nil
    }
  }

  /// A text file, or all `.txt` files of a folder in the order of their names.
  ///
  /// - Throws: `TextDataError` for what cannot be read, and a folder without such files.
  public static func file(_ url: URL) throws -> Corpus {
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
    let name = url.deletingPathExtension().lastPathComponent
    guard isFolder.boolValue else {
      guard FileManager.default.isReadableFile(atPath: url.path) else { throw Self.unreadable(url) }
      return Corpus(name, files: [url])
    }
    let files = (try? FileManager.default.contentsOfDirectory(at: url, includingPropertiesForKeys: nil)) ?? []
    let texts = files.filter { $0.pathExtension == "txt" }.sorted { $0.path < $1.path }
    guard !texts.isEmpty else { throw TextDataError(url.relativePath, "the folder holds no .txt files") }
    return Corpus(name, files: texts)
  }

  /// The same of running text, whose every character is learned.
  ///
  /// - Throws: `TextDataError` for JSON lines besides.
  public static func runningText(_ url: URL) throws -> Corpus {
    guard url.pathExtension.lowercased() != "jsonl" else {
      throw TextDataError(
        url.relativePath,
        "JSON lines are no running text, and their marks would be learned: `records` and `texts` read them")
    }
    return try file(url)
  }

  private static func unreadable(_ url: URL) -> TextDataError {
    TextDataError(url.relativePath, "there is no such file, or it cannot be read")
  }

  /// The texts of one of NLTK's archives, in the order of their names. Old files among them are Latin-1.
  private static func nltk(
    _ archive: String, as name: String, _ root: DataRoot, _ isWanted: (String) -> Bool
  ) throws -> Corpus {
    let folder = try root.folder(of: "nltk-corpora")
    let zip = try ZipArchive(root.file(["\(archive).zip"], in: folder, of: name))
    let entries = zip.entries.filter { $0.name.hasSuffix(".txt") && isWanted($0.name) }
    let texts = try entries.sorted { $0.name < $1.name }.map { entry in
      let bytes = try zip.content(of: entry)
      return String(validating: bytes, as: UTF8.self)
        ?? String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }
    guard !texts.isEmpty else { throw TextDataError(archive, "the archive holds no texts") }
    return Corpus(name, text: texts.joined(separator: "\n"))
  }
}
