/// Why a tokenizer could not be read, trained or used. `file` names the file, `key` the place in it.
public enum TokenizerError: Error, Equatable, CustomStringConvertible {
  case missingFile(path: String)
  case unreadable(file: String, reason: String)
  case invalidUTF8(file: String)
  case invalidJSON(file: String, line: Int, column: Int, problem: String)
  case missingKey(file: String, key: String)
  case wrongType(file: String, key: String, expected: String, found: String)
  case invalidValue(file: String, key: String, value: String, allowed: String)
  case unknownComponent(file: String, key: String, type: String, allowed: [String])
  /// A merge names a token that the vocabulary lacks. Merges count from zero.
  case unknownMergeToken(file: String, merge: Int, token: String)
  /// A token that another part of the file refers to is in no vocabulary.
  case unknownToken(file: String, key: String, token: String)
  case idOutOfRange(file: String, key: String, id: Int, allowed: ClosedRange<Int>)
  /// Two tokens claim one id, or one token two ids.
  case conflictingID(file: String, key: String, token: String, id: Int)
  case invalidPattern(file: String, key: String, pattern: String, reason: String)
  /// A chat template is none of the known texts.
  case unknownChatTemplate(file: String, template: String, known: [String])
  case unsupportedRole(role: String, format: String, allowed: [String])
  case noChatFormat(file: String)
  case vocabularyTooSmall(asked: Int, needed: Int)
  case notWritten(path: String, reason: String)

  public var description: String {
    switch self {
    case .missingFile(let path): "there is no file \(path)"
    case .unreadable(let file, let reason): "\(file) cannot be read: \(reason)"
    case .invalidUTF8(let file): "\(file) is not UTF-8"
    case .invalidJSON(let file, let line, let column, let problem):
      "\(file):\(line):\(column) is no valid JSON: \(problem)"
    case .missingKey(let file, let key): "\(file) lacks `\(key)`"
    case .wrongType(let file, let key, let expected, let found):
      "`\(key)` in \(file) must be \(expected), found \(found)"
    case .invalidValue(let file, let key, let value, let allowed):
      "`\(key)` in \(file) is \(value); allowed: \(allowed)"
    case .unknownComponent(let file, let key, let type, let allowed):
      "`\(key)` in \(file) has the type `\(type)`; known are \(allowed.joined(separator: ", "))"
    case .unknownMergeToken(let file, let merge, let token):
      "`model.merges[\(merge)]` in \(file) needs the token `\(token)`, which `model.vocab` lacks"
    case .unknownToken(let file, let key, let token):
      "`\(key)` in \(file) names the token `\(token)`, which is not in the vocabulary"
    case .idOutOfRange(let file, let key, let id, let allowed):
      "`\(key)` in \(file) is \(id); allowed are \(allowed.lowerBound) to \(allowed.upperBound)"
    case .conflictingID(let file, let key, let token, let id):
      "`\(key)` in \(file) gives `\(token)` the id \(id), but another entry disagrees"
    case .invalidPattern(let file, let key, let pattern, let reason):
      "`\(key)` in \(file) holds the pattern `\(pattern)`, which cannot be compiled: \(reason)"
    case .unknownChatTemplate(let file, let template, let known):
      "the chat template in \(file) is none of \(known.joined(separator: ", ")); it begins `\(template.prefix(80))`"
    case .unsupportedRole(let role, let format, let allowed):
      "the chat format \(format) has no role `\(role)` here; it takes \(allowed.joined(separator: ", "))"
    case .noChatFormat(let file): "\(file) has no chat template, and no format was chosen"
    case .vocabularyTooSmall(let asked, let needed):
      "a vocabulary of \(asked) cannot hold the special tokens and the alphabet, which are \(needed)"
    case .notWritten(let path, let reason): "\(path) cannot be written: \(reason)"
    }
  }
}
