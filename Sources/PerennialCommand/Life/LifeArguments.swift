import ArgumentParser
import Foundation
import Perennial
import PerennialLife
import PerennialModalities
import Torch

/// What every command on a model directory can be told.
struct LifeArguments: ParsableArguments {
  @Argument(help: "The model directory.", completion: .directory)
  var directory: String

  @Flag(help: "Print JSON.")
  var json = false

  @Option(help: "How many threads an operation may use; all cores where this is not given.")
  var threads: Int?

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1, found \(threads)") }
  }

  var url: URL { URL(fileURLWithPath: directory, isDirectory: true) }

  /// Knows files below the directory.
  var modality: Modalities { Modalities(root: DataRoot(url.path)) }

  func open(for access: ModelDirectory.Access) throws -> ModelDirectory {
    if let threads { Runtime.threads = threads }
    Runtime.keepFreedMemory()
    return try ModelDirectory(url, for: access)
  }

  /// Labelled inputs of a file or folder, as the model reads them.
  func read(_ path: String, _ directory: ModelDirectory) throws -> InputRecords {
    try modality.liveInputs(directory.configuration().recipe).read(URL(fileURLWithPath: path))
  }

  /// Prints a result for programs, or lines for people.
  func show(_ result: some Encodable, _ lines: @autoclosure () -> [String]) throws {
    if json { print(try OrderedJSON.text(result)) } else { for line in lines() { print(line) } }
  }
}

extension Intake {
  /// What was taken in, in a sentence, and what was not.
  var lines: [String] {
    var parts = ["\(learned) to learn", "\(heldOut) to judge by"]
    for (count, word) in [
      (duplicates, "known already"), (corrected, "with another label than before"), (again, "tried again"),
      (forgotten, "forgotten before and left out"), (rejected.count, "unusable"),
    ] where count > 0 {
      parts.append("\(count) \(word)")
    }
    var lines = ["inputs: " + parts.joined(separator: ", ")]
    if !newLabels.isEmpty {
      let more = newLabels.count > 10 ? " and \(newLabels.count - 10) more" : ""
      lines.append("new labels: \(newLabels.prefix(10).joined(separator: ", "))\(more)")
    }
    lines += rejected.prefix(5).map { "left out: \($0)" }
    if rejected.count > 5 { lines.append("left out: \(rejected.count - 5) more") }
    return lines
  }
}
