/// Why a stream cannot be made of the data that is there.
public enum StreamError: Error, CustomStringConvertible, Equatable {
  case columns(inputs: Int, others: [Int])
  case tooManyExperiences(asked: Int, available: Int, what: String)
  case unevenClasses(classes: Int, experiences: Int)
  case emptyExperience(name: String)
  case emptyTestSet(name: String)
  case classOrder(expected: [Int], given: [Int])
  case negativeLabel(Int)
  case experiences(Int)
  case limit(Int)
  case fraction(option: String, value: Double)
  case needsLabels(scenario: String)
  case notForScenario(option: String, scenario: String)
  case noSuchExperience(index: Int, count: Int)

  public var description: String {
    switch self {
    case .columns(let inputs, let others):
      "the inputs hold \(inputs) examples, but other columns \(others.map(String.init).joined(separator: ", "))"
    case .tooManyExperiences(let asked, let available, let what):
      "\(asked) experiences cannot be made of \(available) \(what); at most \(available) are possible"
    case .unevenClasses(let classes, let experiences):
      "\(classes) classes do not divide into \(experiences) experiences of one size, which a shared label set needs"
    case .emptyExperience(let name): "experience \(name) has no training examples"
    case .emptyTestSet(let name): "experience \(name) has no test examples to be judged by"
    case .classOrder(let expected, let given):
      "the class order must list each of the labels \(expected.map(String.init).joined(separator: ", ")) once, found \(given.map(String.init).joined(separator: ", "))"
    case .negativeLabel(let label): "a label is \(label); class labels are counted from 0"
    case .experiences(let count): "a stream of \(count) experiences is none; at least 1 is needed"
    case .limit(let count): "experiences of \(count) examples teach nothing; at least 1 is needed"
    case .fraction(let option, let value): "`\(option)` is a fraction in [0, 1), not \(value)"
    case .needsLabels(let scenario):
      "the scenario \(scenario) splits by class, and the targets are no class labels"
    case .notForScenario(let option, let scenario): "\(option) is not possible in the scenario \(scenario)"
    case .noSuchExperience(let index, let count):
      "there is no experience \(index): the stream has \(count), counted from 0"
    }
  }
}
