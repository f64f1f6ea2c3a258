import ArgumentParser
import Foundation
import Perennial
import PerennialText
import PerennialTokenizers
import Torch

struct EmbedCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed", abstract: "Give texts as vectors, one line or one row each.",
    discussion: """
      The model is a folder with a BERT encoder, as `sentence-transformers` writes it; layers behind its pooling are computed \
      (those of an exported classifier give the scores of its classes). Texts are the lines of a file or of \
      standard input. Vectors are printed as JSON lists, or written to a safetensors file, `embeddings` [N, D].
      """)

  @Argument(help: "The folder of the model.", completion: .directory)
  var model: String

  @Argument(help: "A file of texts, one a line; standard input where this is not given.", completion: .file())
  var file: String?

  @Option(help: "A safetensors file to write, in place of printing.")
  var out: String?

  @Option(
    help:
      "The most tokens of a text; the rest is left out. As the folder says where this is not given, else 256."
  )
  var length: Int?

  @Option(help: WeightType.help)
  var dtype = WeightType.float32

  @Option(help: "How many threads an operation may use; all cores where this is not given.")
  var threads: Int?

  private static let batch = 64

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1, found \(threads)") }
    if let length, length < 3 { throw ValidationError("--length must be at least 3, found \(length)") }
  }

  func run() throws {
    if let threads { Runtime.threads = threads }
    let folder = URL(fileURLWithPath: model, isDirectory: true)
    let embedder = try TextEmbedder(folder: folder, length: length)
    try dtype.keepWeights(of: embedder.encoder)
    Runtime.keepFreedMemory()
    let texts = try lines()
    let cut = embedder.tooLong(texts).count
    if cut > 0 { Console.say("\(cut) of \(texts.count) texts are cut to \(embedder.length) tokens") }
    guard let out else {
      for start in stride(from: 0, to: texts.count, by: Self.batch) {
        let vectors = try embedder(Array(texts[start..<min(start + Self.batch, texts.count)]))
        for row in 0..<vectors.shape[0] {
          print("[\(try vectors[row].array(of: Float.self).map { "\($0)" }.joined(separator: ", "))]")
        }
      }
      return
    }
    let url = URL(fileURLWithPath: out)
    try AtomicFile.write(Safetensors.encode(["embeddings": embedder(texts)]), to: url)
    Console.say("\(texts.count) vectors: \(url.relativePath)")
  }

  private func lines() throws -> [String] {
    guard let file else { return try TextLines.standardInput() }
    return try TextLines.of(Corpus.file(URL(fileURLWithPath: file)).text())
  }
}
