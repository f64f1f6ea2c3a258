import Foundation
import GRDB
import Perennial
import Torch

extension ModelDirectory {
  /// Forgets examples: at once from everything that is stored, then from the weights as the policy says.
  ///
  /// Erasing is one transaction together with the versions that it writes anew; whatever is killed, the next writer
  /// finishes it. Without identifiers what an earlier call still owes is done: learning again what was interrupted.
  ///
  /// - Parameters:
  ///   - identifiers: of examples, or of predictions that were served.
  ///   - force: why a version that was learned without them serves even if the gate refuses it.
  /// - Throws: `LifeError.unknownExamples`, `LifeError.notSharded` before anything is done; `LifeError.interrupted` when asked to stop, after
  ///   erasing and before the weights are done.
  public func forget(
    _ identifiers: [String], policy: ForgetPolicy = .unlearn, force: String? = nil, _ modality: any Modality,
    tell: (LifeEvent) -> Void = { _ in }, shouldStop: () -> Bool = { false }
  ) throws -> ForgetReceipt {
    guard isWriting else { throw LifeError.readOnly(path: url.path) }
    let began = ContinuousClock.now
    var erasure = try Erasure(self, identifiers)
    switch policy {
    case .unlearn: try erasure.unlearn(modality)
    case .drop: try erasure.drop(modality)
    case .rebuild, .erase: break
    }
    try erasure.perform(policy: policy)
    let duration = (ContinuousClock.now - began).components
    var receipt = ForgetReceipt(
      time: time, identifiers: identifiers, policy: policy, examples: erasure.examples.count,
      memories: erasure.memories, served: erasure.served.count,
      weights: erasure.seen.isEmpty ? .unseen : Self.done(policy),
      rewritten: erasure.rewritten.keys.sorted(), cleared: [],
      version: VersionStore.number(of: try store.currentName()) ?? 0,
      adapters: erasure.dropped.sorted(), withdrawn: erasure.withdrawn.count,
      seconds: Double(duration.seconds) + Double(duration.attoseconds) * 1e-18)
    guard policy != .erase, try isTainted() else { return receipt }
    return try withoutActuallyEscaping(tell) { tell in
      try withoutActuallyEscaping(shouldStop) { shouldStop in
        try Rebuilding(
          directory: self, modality: modality, keepsShards: policy == .unlearn, force: force, tell: tell,
          shouldStop: shouldStop)(&receipt)
        return receipt
      }
    }
  }

  /// What has become of weights once everything is erased, where nothing is learned again.
  private static func done(_ policy: ForgetPolicy) -> ForgetReceipt.Weights {
    switch policy {
    case .erase: .kept
    case .drop: .dropped
    case .unlearn, .rebuild: .unlearned
    }
  }

  /// Whether a version that is kept has seen what was to be forgotten.
  private func isTainted() throws -> Bool {
    try database.read {
      try Bool.fetchOne(
        $0, sql: "SELECT EXISTS (SELECT 1 FROM versions WHERE is_tainted AND NOT is_cleared)") ?? false
    }
  }
}

extension ModelDirectory {
  /// The identifiers of inputs that are known, by their content.
  public func identifiers(of records: InputRecords) throws -> [String] {
    try database.read { db in
      try records.inputs.compactMap {
        try String.fetchOne(
          db, sql: "SELECT identifier FROM examples WHERE digest = ?",
          arguments: [try LifeDatabase.digest($0.payload)])
      }
    }
  }
}
