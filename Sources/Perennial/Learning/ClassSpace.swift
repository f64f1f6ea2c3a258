import Torch

/// Which output unit stands for which class label: units are given in the order of arrival and never change.
public struct ClassSpace: Equatable, Codable, Sendable {
  /// The label of each unit.
  public private(set) var labels: [Int] = []
  /// The units of each task, where the scenario grants tasks.
  public private(set) var tasks: [Int: [Int]] = [:]
  private var units: [Int: Int] = [:]

  public init() {}

  /// The number of units.
  public var count: Int { labels.count }

  /// Gives a unit to every label that has none, in ascending order, and makes all part of the task.
  public mutating func admit(_ new: Set<Int>, task: Int?) {
    for label in new.sorted() where units[label] == nil {
      units[label] = labels.count
      labels.append(label)
    }
    if let task {
      tasks[task] = Set(tasks[task] ?? []).union(new.compactMap { units[$0] }).sorted()
    }
  }

  /// Gives units to labels in this order.
  public mutating func admit(inOrder new: [Int]) {
    for label in new { admit([label], task: nil) }
  }

  /// The unit of a label, nil while it is unseen.
  public func unit(of label: Int) -> Int? { units[label] }

  /// Units for labels int64 `[N]`; −1 for those unseen.
  public func units(for labels: Tensor) throws -> Tensor {
    try noGrad { try Tensor(try labels.integers().map { units[$0] ?? -1 }) }
  }

  /// True at the units that are not of each task, bool `[tasks, units]`, rows in the order of task numbers 0, 1, ….
  func forbidden() throws -> Tensor? {
    guard let last = tasks.keys.max() else { return nil }
    var rows = [Bool](repeating: true, count: (last + 1) * count)
    for (task, units) in tasks { for unit in units { rows[task * count + unit] = false } }
    return try Tensor(rows, shape: [last + 1, count])
  }
}
