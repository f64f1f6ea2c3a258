/// Why a student cannot be taught so.
public enum DistillationError: Error, CustomStringConvertible, Equatable {
  /// A term, and what is wrong with the shapes that it is given.
  case shapes(term: String, String)
  case unknownTeacher(String, known: [String])
  /// Teacher and student answer for no class in common.
  case noCommonClasses(teacher: String)
  /// Nothing would be learned.
  case noWeight
  /// Teachers are asked about items that nobody remembers.
  case nothingRemembered
  /// Two terms of one name.
  case twice(term: String)
  /// A term between items, of which none can be trusted less than another.
  case betweenItems(term: String)
  /// A term whose value was below 0, where a learned weight could then grow for ever.
  case negative(term: String)
  /// A teacher, and what is wrong with it.
  case teacher(String, String)

  public var description: String {
    switch self {
    case .shapes(let term, let problem): "\(term): \(problem)"
    case .unknownTeacher(let name, let known):
      "there is no teacher `\(name)`"
        + (known.isEmpty
          ? ": the recipe has no `teachers:`"
          : "; there is \(known.map { "`\($0)`" }.joined(separator: ", "))")
    case .noCommonClasses(let teacher): "the teacher \(teacher) and the student answer for no class in common"
    case .noWeight: "the weights of the labels and of all terms are 0: nothing would be learned"
    case .nothingRemembered:
      "`items: remembered` needs a memory: add a strategy that puts remembered items behind the fresh ones"
    case .twice(let term): "the term `\(term)` is listed twice"
    case .betweenItems(let term):
      "`trust` weighs items, and \(term) compares items with each other: use `trust: always`, or another term"
    case .negative(let term):
      "`balance: uncertainty` needs terms that are never below 0, and \(term) was; use `fixed` or `gradient`"
    case .teacher(let name, let problem): "the teacher \(name): \(problem)"
    }
  }
}
