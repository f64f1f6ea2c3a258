import Foundation
import Torch

/// Inputs of one kind that arrive over time: read from files, kept as bytes, turned into rows when they are needed.
public protocol LiveInputs {
  /// The labelled inputs in a file or folder, in their order; what cannot be used is listed beside them.
  ///
  /// - Throws: an error that names the file where nothing in it can be read at all.
  func read(_ url: URL) throws -> InputRecords

  /// The bytes that are kept of an input written in JSON: a text as itself, a picture as base64 of its file, the cells of
  /// a table separated by commas.
  ///
  /// - Throws: an error that says what is wrong with it.
  func payload(_ text: String) throws -> Data

  /// Raw inputs `[N, …]` of kept bytes, each row of the same shape whatever the others are.
  ///
  /// - Throws: an error for bytes that are no such input.
  func rows(_ payloads: [Data]) throws -> Tensor

  /// Turns raw rows into what the model takes.
  var pipeline: InputPipeline { get }

  /// How to make the model that a recipe describes, for such inputs.
  func blueprint(_ recipe: Recipe) throws -> Blueprint
}

/// An input with its class, as it arrived.
public struct LabeledInput: Equatable, Sendable {
  /// The input as bytes.
  public let payload: Data
  /// The name of its class.
  public let label: String
  /// What its owner calls it, to speak of it later.
  public let identifier: String?
  /// When it was made, as its owner wrote it.
  public let time: String?
  /// Where it was read: a file and a line.
  public let origin: String

  public init(
    payload: Data, label: String, identifier: String? = nil, time: String? = nil, origin: String = ""
  ) {
    (self.payload, self.label, self.identifier, self.time) = (payload, label, identifier, time)
    self.origin = origin
  }
}

/// What a file or folder holds.
public struct InputRecords: Sendable {
  public var inputs: [LabeledInput]
  /// What could not be used, each with its place and the reason.
  public var rejected: [String]

  public init(inputs: [LabeledInput] = [], rejected: [String] = []) {
    (self.inputs, self.rejected) = (inputs, rejected)
  }
}
