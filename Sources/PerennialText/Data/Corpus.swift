import Foundation
import Perennial
import Torch

/// Running text of one domain.
public struct Corpus: Sendable, Equatable {
  public let name: String
  public let text: String

  public init(_ name: String, text: String) { (self.name, self.text) = (name, text) }

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
      return Corpus(name, text: try read(root.file(["input.txt"], in: folder, of: name)))
    case "wikitext-2":
      let folder = try root.folder(of: "wikitext-2")
      return Corpus(
        name,
        text: try ["valid.txt", "test.txt"].map { try read(root.file([$0], in: folder, of: name)) }.joined())
    case "genesis": return try nltk("genesis", as: name, root) { $0.contains("english-") }
    case "state-of-the-union": return try nltk("state_union", as: name, root) { _ in true }
    case "inaugural": return try nltk("inaugural", as: name, root) { _ in true }
    default: return nil
    }
  }

  /// A text file, or all `.txt` files of a folder in the order of their names.
  ///
  /// - Throws: `TextDataError` for what cannot be read, is not UTF-8, or is empty.
  public static func file(_ url: URL) throws -> Corpus {
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
    let name = url.deletingPathExtension().lastPathComponent
    guard isFolder.boolValue else { return Corpus(name, text: try read(url)) }
    let files = (try? FileManager.default.contentsOfDirectory(at: url, includingPropertiesForKeys: nil)) ?? []
    let texts = files.filter { $0.pathExtension == "txt" }.sorted { $0.path < $1.path }
    guard !texts.isEmpty else { throw TextDataError(url.relativePath, "the folder holds no .txt files") }
    return Corpus(name, text: try texts.map(read).joined(separator: "\n"))
  }

  /// The text of a file.
  ///
  /// - Throws: `TextDataError` for what cannot be read, is not UTF-8, or is empty.
  static func read(_ url: URL) throws -> String {
    guard let data = try? Data(contentsOf: url) else {
      throw TextDataError(url.relativePath, "there is no such file, or it cannot be read")
    }
    return try checked(Array(data), url.relativePath)
  }

  private static func checked(_ bytes: [UInt8], _ file: String) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      let line = JSONLines.lines(Data(bytes)).first { $0.text == nil }?.number
      throw TextDataError(file, line: line, "not UTF-8")
    }
    guard !text.allSatisfy(\.isWhitespace) else { throw TextDataError(file, "the file is empty") }
    return text
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

extension DataSource {
  /// Corpora as blocks of tokens, each of which is a group: the last part of each tests.
  ///
  /// Inputs are int64 `[N, block]`, targets the tokens that follow.
  /// - Parameters:
  ///   - tokens: the ids of a text.
  ///   - stride: from the start of a training block to that of the next; those that test never overlap.
  ///   - test: the share of each corpus at its end that tests.
  /// - Throws: `TextDataError` for a corpus too short for a block of each kind.
  public static func blocks(
    of corpora: [Corpus], name: String, block: Int, stride: Int? = nil, test share: Double = 0.1,
    limit: Int? = nil,
    tokens: (String) -> [Int]
  ) throws -> DataSource {
    var (train, test): ([Examples], [Examples]) = ([], [])
    var first = 0
    func examples(_ ids: ArraySlice<Int>, _ corpus: Corpus, stride: Int) throws -> Examples {
      let count = ids.count > block ? (ids.count - 1 - block) / stride + 1 : 0
      guard count > 0 else {
        throw TextDataError(
          corpus.name, "\(ids.count) tokens do not fill a block of \(block) and the token behind it")
      }
      let all = try Tensor(Array(ids))
      func rows(from offset: Int) throws -> Tensor {
        try all.asStrided([count, block], strides: [stride, 1], offset: offset).contiguous().clone()
      }
      defer { first += count }
      return try Examples(
        inputs: rows(from: 0), targets: rows(from: 1),
        identifiers: Tensor.arange(first, first + count))
    }
    for corpus in corpora {
      var ids = tokens(corpus.text)
      if let limit { ids = Array(ids.prefix(limit)) }
      let cut = ids.count - Int(Double(ids.count) * share)
      train.append(try examples(ids[..<cut], corpus, stride: stride ?? block))
      test.append(try examples(ids[cut...], corpus, stride: block))
    }
    func groups(_ sets: [Examples]) -> [Int] {
      sets.enumerated().flatMap { [Int](repeating: $0.offset, count: $0.element.count) }
    }
    return DataSource(
      name: name, train: try .concatenate(train), test: try .concatenate(test), pipeline: try InputPipeline(),
      groups: DataGroups(names: corpora.map(\.name), train: groups(train), test: groups(test)))
  }
}
