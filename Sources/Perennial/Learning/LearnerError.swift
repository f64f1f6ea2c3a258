/// Why learning cannot go on.
public enum LearnerError: Error, CustomStringConvertible, Equatable {
  /// A strategy that looks at whole batches, where batches are learned in parts.
  case parts(String)
  /// A strategy that answers with more than the model, where what the model writes is judged.
  case answers(String)
  /// A model without blocks that could be run again.
  case recompute
  case notFinite(term: String, experience: String, step: Int)
  case noSession
  case emptyExperience(String)
  case outputs(head: Int, needed: Int)
  case duplicateStrategy(String)
  /// Two strategies that both put a loss in place of the objective's own.
  case twoLosses(String, String)
  /// Two strategies that both put a training set in place of the experience's own.
  case twoTrainingSets(String, String)
  /// A list of class labels that does not fit the outputs.
  case labels(Int, outputs: Int)
  /// A class label that no experience had.
  case unknownLabel(Int)
  /// The name of a model, where only a recipe can say how to make it.
  case model(String)

  public var description: String {
    switch self {
    case .parts(let name):
      "\(name) looks at whole batches: leave `training.accumulate` out"
    case .answers(let name):
      "\(name) answers with more than the model itself, and the objective judges what the model writes by itself"
    case .recompute: "the model has no blocks to run again: leave `training.recompute` out"
    case .notFinite(let term, let experience, let step):
      "the \(term) is not finite at step \(step) of experience \(experience): lower the learning rate or clip the gradient"
    case .noSession: "no experience has begun"
    case .emptyExperience(let name): "experience \(name) has no training examples"
    case .outputs(let head, let needed): "the head has \(head) outputs, the targets need \(needed)"
    case .labels(let count, let outputs):
      "\(outputs) outputs need as many different class labels, found \(count)"
    case .unknownLabel(let label): "the class \(label) was in no experience: the model has no unit for it"
    case .model(let name): "nobody told the learner how to make the model `\(name)`"
    case .twoLosses(let one, let other):
      "\(one) and \(other) both replace the loss of the objective: an arm has room for one of them"
    case .twoTrainingSets(let one, let other):
      "\(one) and \(other) both replace the training set: an arm has room for one of them"
    case .duplicateStrategy(let name): "two strategies of one learner are called \(name)"
    }
  }
}
