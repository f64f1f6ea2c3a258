/// The deterministic split of examples that come without one.
enum HeldOut {
  /// The share of each class that tests, where nothing else is said.
  static let fraction = 0.2

  /// Holds out the last examples of every class, in their order: `fraction` of them rounded to the nearest number,
  /// at least one, and never a class's only example. A fraction lies between 0 and 1.
  ///
  /// The last rather than random ones, because neighbours often come from one hand or one recording: the split is
  /// then between writers as far as the order allows, and needs no seed.
  static func lastOfEachClass(_ labels: [Int], fraction: Double = fraction) -> (train: [Int], test: [Int]) {
    var remaining: [Int: Int] = [:]
    for label in labels { remaining[label, default: 0] += 1 }
    for (label, count) in remaining {
      let held = count < 2 ? 0 : min(max(Int((Double(count) * fraction).rounded()), 1), count - 1)
      remaining[label] = count - held
    }
    var train: [Int] = []
    var test: [Int] = []
    for (index, label) in labels.enumerated() {
      if remaining[label, default: 0] > 0 {
        remaining[label, default: 0] -= 1
        train.append(index)
      } else {
        test.append(index)
      }
    }
    return (train, test)
  }
}
