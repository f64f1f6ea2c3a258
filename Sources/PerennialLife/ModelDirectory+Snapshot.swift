import Foundation
import GRDB
import Perennial

extension ModelDirectory {
  /// Copies everything into a model directory of its own, which can be opened, served and gone on with.
  ///
  /// The copy is made beside its place and moved there, so that a copy that is there is whole. What is forgotten later
  /// stays in copies: they are outside the directory, and the audit log names each.
  /// - Throws: `LifeError.exists`, `LifeError.readOnly`, `LifeError.unwritable`; then nothing stays behind.
  public func snapshot(to target: URL) throws {
    guard isWriting else { throw LifeError.readOnly(path: url.path) }
    let manager = FileManager.default
    guard !manager.fileExists(atPath: target.path) else { throw LifeError.exists(path: target.path) }
    guard !target.standardizedFileURL.path.hasPrefix(url.standardizedFileURL.path + "/") else {
      throw LifeError.unwritable(path: target.path, reason: "a copy belongs outside the model directory")
    }
    let partial = target.deletingLastPathComponent()
      .appendingPathComponent(".\(target.lastPathComponent).partial", isDirectory: true)
    do {
      try? manager.removeItem(at: partial)
      try manager.createDirectory(at: partial, withIntermediateDirectories: true)
      try copy(to: partial)
      try manager.moveItem(at: partial, to: target)
    } catch {
      try? manager.removeItem(at: partial)
      if let error = error as? CocoaError {
        throw LifeError.unwritable(path: target.path, reason: error.localizedDescription)
      }
      throw error
    }
    try database.write {
      try LifeDatabase.note("snapshot", ["name": target.lastPathComponent], at: time, in: $0)
    }
  }

  private func copy(to folder: URL) throws {
    let manager = FileManager.default
    let database = try database
    // The database comes first: what it names is there already, and stays while this object writes.
    try database.copy(to: folder.appendingPathComponent(LifeDatabase.fileName))
    for url in [store.versions, store.blobs, store.modelFiles] where manager.fileExists(atPath: url.path) {
      try manager.copyItem(at: url, to: folder.appendingPathComponent(url.lastPathComponent))
    }
    var files = [LifeConfiguration.fileName, VersionStore.pointerName].map(url.appendingPathComponent)
    // A copy is judged by what the directory is judged by.
    if let invariants = Invariants.file(in: url) { files.append(invariants) }
    for file in files {
      try manager.copyItem(at: file, to: folder.appendingPathComponent(file.lastPathComponent))
    }
  }
}
