import Torch

/// One version of a model as a server asks it: it answers, and never changes.
///
/// It is made on the thread on which it is used, and stays there: tensors do not cross threads.
public protocol ServedModel: AnyObject {
  /// What it is, and what it can be asked.
  var card: ModelCard { get }

  /// Probabilities over the labels of the card, a row for each input.
  func predict(_ inputs: [ServedInput]) throws -> [[Float]]

  /// A vector for each input.
  func embed(_ inputs: [ServedInput]) throws -> [ServedVector]

  /// Goes on with a text; `listener` is told each piece as it comes.
  func generate(_ request: GenerationRequest, listener: (String) -> GenerationListening) throws
    -> GenerationSummary
}

extension ServedModel {
  /// Refuses: no classifier.
  public func predict(_ inputs: [ServedInput]) throws -> [[Float]] { throw ServeError.cannot(.predict, card) }

  /// Refuses: no encoder.
  public func embed(_ inputs: [ServedInput]) throws -> [ServedVector] {
    throw ServeError.cannot(.embed, card)
  }

  /// Refuses: no language model.
  public func generate(_ request: GenerationRequest, listener: (String) -> GenerationListening) throws
    -> GenerationSummary
  {
    throw ServeError.cannot(.generate, card)
  }
}

/// A vector of an input, and the tokens that were read for it; 0 where inputs have none.
public struct ServedVector: Sendable, Equatable {
  public let values: [Float]
  public let tokens: Int

  public init(values: [Float], tokens: Int) { (self.values, self.tokens) = (values, tokens) }
}

/// What a model is asked about.
public enum ServedInput: Sendable, Hashable {
  case text(String)
  /// Numbers in the order of memory.
  case values([Float])
}

/// What a server tells of a model.
public struct ModelCard: Sendable, Equatable, Codable {
  /// What can be asked of a model.
  public enum Ability: String, Sendable, Codable, CaseIterable {
    case predict, embed, generate
  }

  /// What inputs look like.
  public enum Input: Sendable, Equatable, Codable {
    case text
    /// A PNG or JPEG file, in base64.
    case image
    /// The cells of a row: numbers, or a text with commas between them.
    case row
    /// Numbers of this shape, one example.
    case values(shape: [Int])
  }

  /// What kind of model it is, in a word or two.
  public var kind: String
  public var abilities: [Ability]
  public var input: Input
  /// The labels, in the order of the probabilities.
  public var labels: [String]
  /// The number of parameters.
  public var parameters: Int

  public init(kind: String, abilities: [Ability], input: Input, labels: [String] = [], parameters: Int) {
    (self.kind, self.abilities, self.input) = (kind, abilities, input)
    (self.labels, self.parameters) = (labels, parameters)
  }

  /// Refuses an input that the model could not read.
  ///
  /// - Throws: `ServeError.invalid` that names the place.
  public func check(_ value: ServedInput, at place: String) throws {
    switch (input, value) {
    case (.text, .text(let text)), (.image, .text(let text)), (.row, .text(let text)):
      guard !text.isEmpty else { throw ServeError.invalid("is empty", at: place) }
    case (.row, .values(let values)):
      guard values.allSatisfy(\.isFinite) else {
        throw ServeError.invalid("has a number that is too large", at: place)
      }
    case (.values(let shape), .values(let values)):
      let count = shape.reduce(1, *)
      guard values.count == count else {
        throw ServeError.invalid(
          "has \(values.count) numbers; this model takes \(count), \(shape)", at: place)
      }
      guard values.allSatisfy(\.isFinite) else {
        throw ServeError.invalid("has a number that is too large", at: place)
      }
    case (.text, .values): throw ServeError.invalid("must be a text", at: place)
    case (.image, .values): throw ServeError.invalid("must be a PNG or JPEG file in base64", at: place)
    case (.values(let shape), .text): throw ServeError.invalid("must be numbers, \(shape)", at: place)
    }
  }
}
