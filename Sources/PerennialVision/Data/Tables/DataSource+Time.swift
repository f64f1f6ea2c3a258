import Perennial
import Torch

extension DataSource {
  /// Rows that time has ordered, each column in units of what was seen of it by then: nothing of the future, such as
  /// the mean of a whole column, is in any row.
  ///
  /// - Parameters:
  ///   - table: rows from the first to the last.
  ///   - forecast: the column whose next value is to be told, in its units at the time, at most 10 either way; nil
  ///     keeps the table's own classes.
  ///   - testEvery: one of so many rows, the last of them, tests. It changes no mean and is not learned.
  static func inOrderOfTime(
    _ table: LabeledTable, name: String, forecast: String? = nil, testEvery: Int
  ) throws -> DataSource {
    let width = table.featureNames.count
    let values = try table.features.array(of: Float.self).map(Double.init)
    let column = try forecast.map { forecast in
      guard let place = table.featureNames.firstIndex(of: forecast) else {
        throw FileError(.missing, name, "no column '\(forecast)'")
      }
      return place
    }
    let count = column == nil ? table.count : table.count - 1
    var units = [RunningUnits](repeating: RunningUnits(), count: width)
    var rows: [Float] = []
    var targets: [Float] = []
    var (train, test): ([Int], [Int]) = ([], [])
    for row in 0..<count {
      let isTest = row % testEvery == testEvery - 1
      if isTest { test.append(row) } else { train.append(row) }
      for place in 0..<width {
        let value = values[row * width + place]
        if !isTest { units[place].update(value) }
        rows.append(Float(units[place].scaled(value)))
      }
      guard let column else { continue }
      targets.append(Float(min(max(units[column].scaled(values[(row + 1) * width + column]), -10), 10)))
    }
    let inputs = try Tensor(rows, shape: [count, width])
    let goals: Tensor =
      if column == nil, case .classes(let labels, _) = table.targets {
        try Tensor(labels)
      } else if column == nil, case .values(let values) = table.targets {
        values
      } else {
        try Tensor(targets)
      }
    let all = try Examples(inputs: inputs, targets: goals)
    return DataSource(
      name: name, train: try all.select(train), test: try all.select(test), pipeline: try InputPipeline(),
      note: "in time order; every \(testEvery)th row tests", isOrdered: true)
  }
}

/// Mean and standard deviation of the values so far.
private struct RunningUnits {
  private var count = 0.0
  private var mean = 0.0
  private var squares = 0.0

  mutating func update(_ value: Double) {
    count += 1
    let distance = value - mean
    mean += distance / count
    squares += distance * (value - mean)
  }

  /// A value in deviations from the mean; 0 while there is no deviation.
  func scaled(_ value: Double) -> Double {
    guard count > 0, squares > 0 else { return 0 }
    return (value - mean) / (squares / count).squareRoot()
  }
}
