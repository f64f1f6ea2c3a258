import Foundation

/// How several models learn together without showing each other their data or their weights: each predicts for examples
/// that all have, and learns from what all predict together.
///
/// The arms of a recipe are the participants, each with a model of its own. First each learns its own data; then, round
/// by round, it publishes its outputs for the public examples, learns the consensus, and learns its own data again. Li &
/// Wang, FedMD: Heterogenous Federated Learning via Model Distillation, 2019; Lin et al., Ensemble Distillation for
/// Robust Model Fusion in Federated Learning, 2020.
public struct Collaboration: Configurable {
  /// How the consensus is learned.
  public enum Method: String, Codable, CaseIterable, Sendable {
    /// Outputs approach the mean outputs, by their squared distance.
    case fedMD = "fed-md"
    /// Distributions approach that of the mean outputs, by the Kullback-Leibler divergence.
    case fedDF = "fed-df"
  }

  /// How the consensus is learned.
  public var method = Method.fedMD
  /// Examples that all have, of which nobody looks at the labels.
  public var `public` = 1000
  public var rounds = 5
  /// Passes over the public examples in each round.
  public var digest = 1
  /// Passes over the own data in each round.
  public var revisit = 1
  /// Of how many classes each participant has data; of all when nil.
  public var classes: Int?
  /// Seconds that a round waits for the others; it then goes on without those that are missing.
  public var patience = 600.0

  public init() {}

  public func validate(at node: ConfigurationNode) throws {
    try node.require("public", `public`, atLeast: 1)
    try node.require("rounds", rounds, atLeast: 1)
    try node.require("digest", digest, atLeast: 1)
    try node.require("revisit", revisit, atLeast: 0)
    try node.require("classes", classes, atLeast: 1)
    try node.require("patience", patience, atLeast: 0)
  }
}

/// What a participant went through.
public struct CollaborationRecord: Codable, Equatable, Sendable {
  /// One round.
  public struct Round: Codable, Equatable, Sendable {
    /// The score on the test set after it.
    public let score: Double
    /// Who did not take part, and why.
    public let missing: [String: String]
  }

  /// The arm.
  public let participant: String
  public let seed: Int
  /// Learned values of its model.
  public let parameters: Int
  /// Examples of its own.
  public let examples: Int
  /// The score after learning its own data.
  public var initial = 0.0
  public var rounds: [Round] = []
  /// The score of a model that learned the own data as often, and nothing of the others.
  public var alone = 0.0

  /// The score at the end.
  public var together: Double { rounds.last?.score ?? initial }
}

/// Why nothing can be learned together.
public enum CollaborationError: Error, CustomStringConvertible, Equatable {
  case notPartOfRecipe
  case unknownParticipant(String, known: [String])
  case needsOneExperience(Int)
  /// Examples that there are, and that all participants have in common.
  case tooFewExamples(Int, public: Int)
  case needsClasses

  public var description: String {
    switch self {
    case .notPartOfRecipe: "the recipe has no `collaboration:`; `perennial run` is for recipes without"
    case .unknownParticipant(let name, let known):
      "there is no participant `\(name)`; the recipe's arms are \(known.map { "`\($0)`" }.joined(separator: ", "))"
    case .needsOneExperience(let count):
      "a collaboration learns one experience, not \(count): set `stream.experiences: 1`"
    case .tooFewExamples(let count, let common):
      "\(count) examples leave nothing of one's own when \(common) are public: lower `collaboration.public`"
    case .needsClasses: "a collaboration is for classification"
    }
  }
}

extension CollaborationRecord {
  /// What a participant left in the exchange folder; nil where it did not finish.
  public init?(of participant: String, in folder: URL) {
    let url = folder.appendingPathComponent(participant).appendingPathExtension("json")
    guard let data = try? Data(contentsOf: url),
      let record = try? JSONDecoder().decode(CollaborationRecord.self, from: data)
    else { return nil }
    self = record
  }

  /// A row for each participant, means over seeds: alone, together, and how often others were missing.
  public static func table(_ records: [CollaborationRecord], width: Int = .max) -> String {
    var table = TextTable(columns: [
      .init("participant", importance: 10, isText: true), .init("parameters", importance: 5),
      .init("own examples", importance: 4), .init("own data first", importance: 6),
      .init("alone", importance: 8),
      .init("together", importance: 9), .init("answers missed", importance: 7),
    ])
    var seen: Set<String> = []
    for name in records.map(\.participant) where seen.insert(name).inserted {
      let own = records.filter { $0.participant == name }
      func spread(_ value: (CollaborationRecord) -> Double) -> String {
        Statistic(own.map(value)).map { NumberText.spread($0, of: .averageAccuracy) } ?? "–"
      }
      table.rows.append([
        name, NumberText.grouped(own[0].parameters), NumberText.grouped(own[0].examples), spread(\.initial),
        spread(\.alone), spread(\.together),
        "\(own.reduce(0) { $0 + $1.rounds.reduce(0) { $0 + $1.missing.count } })",
      ])
    }
    return table.lines(width: width).joined(separator: "\n")
  }
}
