import Foundation

/// Writes the losses and accuracies of a run for TensorBoard, one folder a strategy and seed.
///
/// Like every log it never stops a training: what cannot be written is said once.
public final class TensorBoardLog: RunObserver {
  private let folder: URL
  private let stepInterval: Int
  private let complain: (String) -> Void
  private var writers: [String: EventWriter] = [:]
  /// The last step that each run told of: the end of a run has no step of its own.
  private var steps: [String: Int] = [:]
  private var hasComplained = false

  /// - Parameters:
  ///   - folder: takes one folder a strategy and seed.
  ///   - stepInterval: the loss of one of this many steps is written.
  ///   - complain: takes the one message about a log that cannot be written.
  public init(_ folder: URL, stepInterval: Int = 20, complain: @escaping (String) -> Void) {
    self.folder = folder
    self.stepInterval = max(1, stepInterval)
    self.complain = complain
  }

  public func note(_ event: RunEvent) {
    if let position = event.position, let step = event.step { steps[Self.name(position)] = step }
    switch event {
    case .step(let position, let step, _, let loss):
      if step % stepInterval == 0 { writer(position)?.scalar("loss", loss, step: step) }
    case .evaluated(let position, let step, let accuracies):
      guard let writer = writer(position) else { return }
      for (index, accuracy) in accuracies.enumerated() {
        writer.scalar("accuracy/experience \(index + 1)", accuracy, step: step)
      }
      let seen = accuracies.prefix(position.experience + 1)
      writer.scalar("accuracy/seen", seen.reduce(0, +) / Double(max(seen.count, 1)), step: step)
    case .prequential(let position, let step, let point):
      writer(position)?.scalar("prequential/window", point.window, step: step)
      writer(position)?.scalar("prequential/overall", point.overall, step: step)
    case .boundary(let position, let step):
      writer(position)?.scalar("prequential/boundary", 1, step: step)
    case .finished(let position, let metrics, _):
      let last = steps.removeValue(forKey: Self.name(position)) ?? 0
      for (name, value) in metrics { writer(position)?.scalar("final/\(name.rawValue)", value, step: last) }
      writers[Self.name(position)] = nil
    default: return
    }
    if let failure = writers.values.lazy.compactMap(\.failure).first { giveUp("\(failure)") }
  }

  private static func name(_ position: RunPosition) -> String { "\(position.strategy)-\(position.seed)" }

  private func writer(_ position: RunPosition) -> EventWriter? {
    let name = Self.name(position)
    if let writer = writers[name] { return writer }
    do {
      let writer = try EventWriter(folder: folder.appendingPathComponent(name))
      writers[name] = writer
      return writer
    } catch {
      giveUp("\(error)")
      return nil
    }
  }

  private func giveUp(_ reason: String) {
    guard !hasComplained else { return }
    hasComplained = true
    complain("TensorBoard events are not written: \(reason)")
  }
}
