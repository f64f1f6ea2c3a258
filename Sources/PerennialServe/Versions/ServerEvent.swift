import Foundation

/// Something that happened to a served model. Never says what a user wrote.
struct ServerEvent: Sendable, Codable, Equatable {
  /// What kind of thing.
  enum Kind: String, Sendable, Codable {
    case start, drift, update, refused, trial, promotion, rollback, forget, pause, snapshot, failure
  }

  let time: Date
  let kind: Kind
  let text: String
}
