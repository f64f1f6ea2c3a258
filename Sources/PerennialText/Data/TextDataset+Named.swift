import Foundation
import Perennial

extension TextDataset {
  /// CLINC150 (Larson et al. 2019): 150 intents in 10 domains, 100 training and 30 test questions each, and 1,000 test
  /// questions of none of them. The 20 validation questions of each are left alone.
  ///
  /// Labels are numbered domain by domain, and domains are the groups.
  public static func clinc150(_ root: DataRoot) throws -> TextDataset {
    let folder = try root.folder(of: "clinc150").appendingPathComponent("data", isDirectory: true)
    let file = try root.file(["data_full.json"], in: folder, of: "clinc150")
    let domainFile = try root.file(["domains.json"], in: folder, of: "clinc150")
    let splits: [String: [[String]]] = try decode(file)
    let domains: [String: [String]] = try decode(domainFile)
    let names = domains.keys.sorted()
    let domain = domains.reduce(into: [String: String]()) { all, entry in
      for intent in entry.value { all[intent] = entry.key }
    }
    func texts(_ split: String) throws -> [LabeledText] {
      guard let rows = splits[split] else { throw TextDataError(file.relativePath, "`\(split)` is missing") }
      return try rows.map { row in
        guard row.count == 2, let domain = domain[row[1]] else {
          throw TextDataError(
            file.relativePath, "`\(split)` has an intent of no domain: \(row.joined(separator: ", "))")
        }
        return LabeledText(row[0], label: row[1], group: TextGroup(domain))
      }
    }
    return try TextDataset(
      "clinc150", train: texts("train"), test: texts("test"),
      classes: names.flatMap { domains[$0] ?? [] },
      outOfScope: (splits["oos_test"] ?? []).compactMap(\.first), groups: names.map { TextGroup($0) })
  }

  /// Banking77 (Casanueva et al. 2020): 77 intents of bank customers.
  public static func banking77(_ root: DataRoot) throws -> TextDataset {
    let folder = try root.folder(of: "banking77").appendingPathComponent("banking_data", isDirectory: true)
    func texts(_ name: String) throws -> [LabeledText] {
      try TextRecordFile(root.file([name], in: folder, of: "banking77")).records
    }
    let classes: [String] = try decode(root.file(["categories.json"], in: folder, of: "banking77"))
    return try TextDataset(
      "banking77", train: texts("train.csv"), test: texts("test.csv"), classes: classes)
  }

  /// Files of records with `text` and `label`, and perhaps `task` or `time`, which become groups.
  public static func files(train: URL, test: URL, bad: BadRecords = .refuse) throws -> TextDataset {
    let (learned, judged) = (try TextRecordFile(train, bad: bad), try TextRecordFile(test, bad: bad))
    let skipped = learned.skipped.count + judged.skipped.count
    return try TextDataset(
      train.deletingPathExtension().lastPathComponent, train: learned.records, test: judged.records,
      note: skipped > 0 ? "\(skipped) records could not be used and were left out." : nil)
  }

  private static func decode<Value: Decodable>(_ url: URL) throws -> Value {
    do {
      return try JSONDecoder().decode(Value.self, from: Data(contentsOf: url))
    } catch {
      throw TextDataError(url.relativePath, "not the JSON that was expected: \(error)")
    }
  }
}
