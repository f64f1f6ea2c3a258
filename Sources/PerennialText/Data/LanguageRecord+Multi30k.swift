import Foundation
import Perennial
import Torch

/// The files of Multi30k (Elliott et al. 2016): captions of pictures, one a line, in the same order in every language.
enum Multi30k {
  static let languages = ["cs", "de", "en", "fr"]

  /// - Parameter part: `train`, `val` or `test_2016_flickr`.
  /// - Throws: `MissingDataError`; `FileError` for a damaged file.
  static func captions(_ part: String, _ language: String, _ root: DataRoot) throws -> (
    file: String, lines: [String]
  ) {
    let folder = try root.folder(of: "multi30k").appendingPathComponent("data/task1/raw", isDirectory: true)
    let url = try root.file(["\(part).\(language).gz"], in: folder, of: "multi30k")
    let bytes = try Inflate.gzip(Data(contentsOf: url), file: url.path)
    let lines = JSONLines.lines(Data(bytes)).map { $0.text ?? "" }
    return (url.relativePath, lines.last == "" ? lines.dropLast() : lines)
  }
}

extension LanguageRecord {
  /// Captions of Multi30k (Elliott et al. 2016), each with its translation: 29,000 to learn from, and the 1,000 of
  /// `test_2016_flickr`. The validation captions are left alone.
  ///
  /// - Parameter pairs: as `de-en`, from German to English, of the languages `cs`, `de`, `en` and `fr`; each is a group.
  /// - Throws: `MissingDataError`; `TextDataError` for unknown pairs and files of different lengths.
  public static func multi30k(_ root: DataRoot, pairs: [String]) throws -> (
    train: [LanguageRecord], test: [LanguageRecord]
  ) {
    func records(_ part: String) throws -> [LanguageRecord] {
      try pairs.flatMap { pair in
        let languages = pair.split(separator: "-").map(String.init)
        guard languages.count == 2, languages.allSatisfy(Multi30k.languages.contains) else {
          throw TextDataError(
            "multi30k", "`\(pair)` is no pair of \(Multi30k.languages.joined(separator: ", ")), as de-en")
        }
        let sources = try Multi30k.captions(part, languages[0], root)
        let targets = try Multi30k.captions(part, languages[1], root)
        guard sources.lines.count == targets.lines.count else {
          throw TextDataError(
            sources.file, "\(sources.lines.count) lines, and \(targets.lines.count) in \(targets.file)")
        }
        return zip(sources.lines, targets.lines).map {
          LanguageRecord(.answer(prompt: $0, completion: $1), group: TextGroup(pair))
        }
      }
    }
    return (try records("train"), try records("test_2016_flickr"))
  }
}
