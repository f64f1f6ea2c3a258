import Digests
import Foundation
import Torch

/// The folder through which participants exchange predictions: `<round>/<participant>.safetensors`.
struct Exchange {
  /// A participant's outputs for the public examples.
  struct Answers {
    /// float32 `[P, K]`
    let outputs: Tensor
    /// The class of each output.
    let labels: [Int]
  }

  let folder: URL
  /// What the public examples are, so that nobody answers for others.
  let identity: String

  private static let outputs = "outputs"
  private static let pause = 0.05

  /// - Parameter examples: the public ones, in the order in which all answer.
  init(_ folder: URL, public examples: Examples) throws {
    self.folder = folder
    let bytes = try examples.identifiers.contiguous().data()
    identity = try Digest(sha256: bytes).hex
  }

  private func url(_ name: String, _ round: Int) -> URL {
    folder.appendingPathComponent("\(round)/\(name).safetensors")
  }

  /// Lets the others see answers, all at once.
  func publish(_ answers: Answers, of name: String, round: Int) throws {
    let url = url(name, round)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    let data = try Safetensors.encode(
      [Self.outputs: answers.outputs],
      metadata: ["labels": "\(answers.labels)", "public": identity, "round": "\(round)", "participant": name])
    try AtomicFile.write(data, to: url)
  }

  /// Waits for the answers of others.
  ///
  /// - Returns: those that came, and why others did not.
  func gather(
    _ names: [String], round: Int, patience: Double
  ) -> (answers: [String: Answers], missing: [String: String]) {
    let deadline = Date().addingTimeInterval(patience)
    var waiting = Set(names)
    var answers: [String: Answers] = [:]
    var missing: [String: String] = [:]
    while true {
      for name in waiting where FileManager.default.fileExists(atPath: url(name, round).path) {
        waiting.remove(name)
        do {
          answers[name] = try read(url(name, round))
        } catch {
          missing[name] = "\(error)"
        }
      }
      if waiting.isEmpty || Date() >= deadline { break }
      Thread.sleep(forTimeInterval: Self.pause)
    }
    for name in waiting { missing[name] = "no answer within \(NumberText.duration(patience))" }
    return (answers, missing)
  }

  private func read(_ url: URL) throws -> Answers {
    let file = try Safetensors.read(url)
    guard file.metadata["public"] == identity else { throw Unusable("answers for other public examples") }
    guard let outputs = file.tensors[Self.outputs], outputs.rank == 2, outputs.dtype == .float32,
      let text = file.metadata["labels"],
      let labels = try? JSONDecoder().decode([Int].self, from: Data(text.utf8)),
      labels.count == outputs.shape[1], Set(labels).count == labels.count
    else { throw Unusable("answers without the classes that they are for") }
    guard try outputs.isFinite().all().item() == 1 else { throw Unusable("answers that are no numbers") }
    return Answers(outputs: outputs, labels: labels)
  }

  private struct Unusable: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }
}
