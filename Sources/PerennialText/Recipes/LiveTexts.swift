import Foundation
import Perennial
import PerennialTokenizers
import Torch

/// Options of `text`: texts that arrive over time.
struct LiveTextOptions: Configurable {
  /// A `tokenizer.json` or a folder with one, below the data root unless absolute; the model's own when nil.
  var tokenizer: String?
  /// The most tokens of a text; the rest is left out.
  var length = 64

  func validate(at node: ConfigurationNode) throws { try node.require("length", length, atLeast: 3) }
}

/// Texts that arrive over time: kept as UTF-8, turned into rows of token ids of one length.
public struct LiveTexts: LiveInputs {
  private let tokenizer: Tokenizer
  private let length: Int
  private let file: (String) -> URL
  public let pipeline: InputPipeline

  /// The name in `inputs`.
  public static let name = "text"

  /// - Parameter file: where a path is that a recipe names.
  /// - Throws: `ConfigurationError` for a wrong option, or a model without a tokenizer; what reading that throws.
  init(_ recipe: Recipe, file: @escaping (String) -> URL) throws {
    let selection = recipe.stream.data
    let options = try selection.decode(LiveTextOptions.self)
    guard let place = try options.tokenizer.map(file) ?? TextModels.folder(recipe.model, file) else {
      throw selection.node.error("missing key `tokenizer`: the model comes without one")
    }
    tokenizer = try TextSources.tokenizer(place)
    length = options.length
    self.file = file
    pipeline = try InputPipeline()
  }

  private var padding: Int { tokenizer.specialTokens.padding ?? 0 }

  /// JSON lines or CSV with `text` and `label`, and perhaps `id` and `time`; or a folder of such files.
  public func read(_ url: URL) throws -> InputRecords {
    guard (try? url.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true else {
      let file = try TextRecordFile(url, bad: .skip)
      return InputRecords(
        inputs: zip(file.records, file.places).map { record, place in
          LabeledInput(
            payload: Data(record.text.utf8), label: record.label, identifier: record.identifier,
            time: record.group?.name, origin: place)
        }, rejected: file.skipped.map(\.description))
    }
    var all = InputRecords()
    let names = try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
    for name in names where ["jsonl", "json", "csv"].contains((name as NSString).pathExtension.lowercased()) {
      do {
        let part = try read(url.appendingPathComponent(name))
        all.inputs += part.inputs
        all.rejected += part.rejected
      } catch {
        all.rejected.append("\(error)")
      }
    }
    return all
  }

  /// The text itself.
  ///
  /// - Throws: `TextDataError` for one without any character that shows.
  public func payload(_ text: String) throws -> Data {
    guard !text.allSatisfy(\.isWhitespace) else { throw TextDataError("the input", "the text is empty") }
    return Data(text.utf8)
  }

  public func rows(_ payloads: [Data]) throws -> Tensor {
    let texts = try payloads.map { payload in
      guard let text = String(validating: payload, as: UTF8.self) else {
        throw TextDataError("the input", "not UTF-8")
      }
      return text
    }
    let ids = try TokenizedTexts(texts, tokenizer, length: length, padding: padding).ids
    return try noGrad { try ids.padded([0, length - ids.shape[1]], value: Double(padding)) }
  }

  public func blueprint(_ recipe: Recipe) throws -> Blueprint {
    guard TextModels.encoders.contains(where: recipe.model.isNamed) else {
      throw recipe.model.node.notAmong(
        TextModels.encoders, recipe.model.name, kind: "model for texts with labels")
    }
    let facts = TextFacts(
      tokenizer, length: length, width: 0, padding: padding,
      end: tokenizer.specialTokens.end)
    let file = self.file
    return Blueprint { random in
      let backbone = try TextModels.encoder(recipe.model, facts, random, file)
      return Network(
        backbone,
        head: try HeadRegistry.make(recipe.head, features: backbone.featureCount, random.stream("head")))
    }
  }
}
