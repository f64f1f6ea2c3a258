/// The order in which tasks were met; isolation counts tasks by it.
struct TaskOrder: Codable, Equatable {
  private(set) var tasks: [Int] = []

  var count: Int { tasks.count }

  /// Takes a task in, and gives its place.
  mutating func admit(_ task: Int) -> Int {
    if let place = tasks.firstIndex(of: task) { return place }
    tasks.append(task)
    return tasks.count - 1
  }

  /// The place of a task that was met; nil for no task, and for those to come.
  func place(of task: Int?) -> Int? { task.flatMap { tasks.firstIndex(of: $0) } }
}
