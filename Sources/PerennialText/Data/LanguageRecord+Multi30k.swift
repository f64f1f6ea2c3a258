import Foundation
import Perennial
import Torch

extension LanguageRecord {
  /// Captions of Multi30k (Elliott et al. 2016), each with its translation: 29,000 to learn from, and the 1,000 of
  /// `test_2016_flickr`. The validation captions are left alone.
  ///
  /// - Parameter pairs: as `de-en`, from German to English, of the languages `cs`, `de`, `en` and `fr`; each is a group.
  /// - Throws: `MissingDataError`; `TextDataError` for unknown pairs and files of different lengths.
  public static func multi30k(_ root: DataRoot, pairs: [String]) throws -> (
    train: [LanguageRecord], test: [LanguageRecord]
  ) {
    let folder = try root.folder(of: "multi30k").appendingPathComponent("data/task1/raw", isDirectory: true)
    func captions(_ part: String, _ language: String) throws -> (file: String, lines: [String]) {
      let url = try root.file(["\(part).\(language).gz"], in: folder, of: "multi30k")
      let bytes = try Inflate.gzip(Data(contentsOf: url), file: url.path)
      let lines = JSONLines.lines(Data(bytes)).map { $0.text ?? "" }
      return (url.relativePath, lines.last == "" ? lines.dropLast() : lines)
    }
    func records(_ part: String) throws -> [LanguageRecord] {
      try pairs.flatMap { pair in
        let languages = pair.split(separator: "-").map(String.init)
        guard languages.count == 2, languages.allSatisfy(["cs", "de", "en", "fr"].contains) else {
          throw TextDataError("multi30k", "`\(pair)` is no pair of cs, de, en and fr, as de-en")
        }
        let (sources, targets) = (try captions(part, languages[0]), try captions(part, languages[1]))
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
