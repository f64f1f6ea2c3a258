import Foundation
import Perennial

/// Answers that every version must give: a file or folder `invariants` in the directory, of the same kind as what is
/// learned, that people keep under version control.
struct Invariants {
  let records: [LabeledInput]
  private let inputs: any LiveInputs

  /// - Throws: `LifeError.nothingUsable` for a file of which not every line can be used: what cannot be read does not hold.
  init(_ directory: URL, _ inputs: any LiveInputs) throws {
    self.inputs = inputs
    guard let file = Self.file(in: directory) else {
      records = []
      return
    }
    let found = try inputs.read(file)
    guard found.rejected.isEmpty else {
      throw LifeError.nothingUsable(file: file.relativePath, problems: found.rejected)
    }
    records = found.inputs
  }

  /// Where a directory has them, if it has any.
  static func file(in directory: URL) -> URL? {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    return names.sorted().first { $0 == "invariants" || $0.hasPrefix("invariants.") }
      .map(directory.appendingPathComponent)
  }

  /// Those that the model does not answer as they say, in words that name the place and not the input.
  func broken(_ learner: Learner, _ labels: LabelTable) throws -> [String] {
    guard !records.isEmpty else { return [] }
    guard learner.model.head.outputs > 0 else { return records.map(\.origin) }
    let said = try learner.answers(to: inputs.rows(records.map(\.payload)), by: labels.resolved)
    return zip(records, said).filter { record, answer in labels.number(record.label) != answer }.map {
      record, answer in
      let name = labels.names.indices.contains(answer) ? labels.names[answer] : "nothing"
      return "\(record.origin) is `\(name)`, not `\(record.label)`"
    }
  }
}
