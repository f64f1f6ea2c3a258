import Foundation
import Testing
import Torch

@testable import Perennial

@Suite struct CheckpointTests {
  private let place = TemporaryPlace()

  private func store(_ run: String = "er-0", recipe: String = "abc") -> CheckpointStore {
    CheckpointStore(folder: place.url, run: run, recipeSHA256: recipe)
  }

  private static func state(_ step: Int) throws -> State {
    var state = State(tensors: ["model/weight": try Tensor([Float(step), 0.1])])
    state["step"] = step
    return state
  }

  private var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: place.url.path)) ?? []).sorted()
  }

  private func newest(_ store: CheckpointStore) throws -> (step: Int?, warnings: [String]) {
    var warnings: [String] = []
    let state = try store.newest { warnings.append($0) }
    return (state?["step"], warnings)
  }

  private func damage(_ name: String, _ change: (inout Data) -> Void) throws {
    let url = place.url.appendingPathComponent(name)
    var data = try Data(contentsOf: url)
    change(&data)
    try data.write(to: url)
  }

  @Test func theNewestComesBack() throws {
    defer { place.remove() }
    #expect(try newest(store()) == (nil, []))
    for step in [5, 90, 1000] { try store().save(Self.state(step), step: step) }
    let state = try #require(try store().newest { _ in })
    #expect(try state.requireTensor("model/weight").floats() == [1000, 0.1])
    #expect(state.values == ["step": "1000"], "the recipe's hash is no part of the state")
  }

  @Test func theTwoNewestAreKept() throws {
    defer { place.remove() }
    for step in 1...5 { try store().save(Self.state(step), step: step) }
    try store("er-1").save(Self.state(1), step: 1)
    #expect(names.map { $0.prefix(15) } == ["er-0@0000000004", "er-0@0000000005", "er-1@0000000001"])
    store().clear()
    #expect(names.count == 1)
  }

  @Test func runsWhoseNamesBeginAlikeDoNotMix() throws {
    defer { place.remove() }
    try store("er-1").save(Self.state(1), step: 1)
    try store("er-10").save(Self.state(9), step: 9)
    #expect(try newest(store("er-1")).step == 1)
    store("er-1").clear()
    #expect(try newest(store("er-10")).step == 9)
  }

  /// One bit anywhere, a cut, nothing at all: each is found, told, and the one before is taken.
  @Test func aDamagedOneIsToldAndTheOneBeforeTaken() throws {
    defer { place.remove() }
    try store().save(Self.state(1), step: 1)
    let name = try store().save(Self.state(2), step: 2).lastPathComponent
    let good = try Data(contentsOf: place.url.appendingPathComponent(name))
    var damages: [(inout Data) -> Void] = [
      { $0 = $0.dropLast(1) }, { $0 = Data() }, { $0.append(0) }, { $0 = $0.prefix(9) },
    ]
    for byte in stride(from: 0, to: good.count, by: 7) { damages.append { $0[byte] ^= 0x10 } }
    for change in damages {
      try damage(name) {
        $0 = good
        change(&$0)
      }
      let (step, warnings) = try newest(store())
      #expect(step == 1)
      #expect(warnings.count == 1 && warnings[0].contains(name) && warnings[0].contains("damaged"))
    }
  }

  @Test func whereAllAreDamagedThereIsNone() throws {
    defer { place.remove() }
    for step in 1...2 { try store().save(Self.state(step), step: step) }
    for name in names { try damage(name) { $0[0] ^= 1 } }
    let (step, warnings) = try newest(store())
    #expect(step == nil)
    #expect(warnings.count == 2)
  }

  /// A damaged one of a later step must not keep good ones out, nor be warned about for ever.
  @Test func aDamagedLaterOneGoesWhenTheRunIsPastIt() throws {
    defer { place.remove() }
    for step in [10, 50] { try store().save(Self.state(step), step: step) }
    try damage(#require(names.last)) { $0[20] ^= 1 }
    for step in [11, 12] { try store().save(Self.state(step), step: step) }
    #expect(names.map { $0.prefix(15) } == ["er-0@0000000011", "er-0@0000000012"])
    #expect(try newest(store()) == (12, []))
  }

  @Test func aCheckpointOfAnotherRecipeIsRefused() throws {
    defer { place.remove() }
    let name = try store(recipe: "another").save(Self.state(1), step: 1).lastPathComponent
    #expect(throws: CheckpointError.otherRecipe(name)) { try store().newest { _ in } }
    #expect("\(CheckpointError.otherRecipe(name))".contains("another recipe"))
  }

  @Test func whereNothingCanBeWrittenTheOldOneStays() throws {
    defer { place.remove() }
    try store().save(Self.state(1), step: 1)
    let away = place.url.appendingPathExtension("away")
    try FileManager.default.moveItem(at: place.url, to: away)
    let error = #expect(throws: AtomicFileError.self) { try store().save(Self.state(2), step: 2) }
    #expect(error?.code == ENOENT)
    try FileManager.default.moveItem(at: away, to: place.url)
    #expect(try newest(store()) == (1, []))
  }

  /// A folder that may not be written.
  @Test(.enabled(if: geteuid() != 0, "whoever is root may write everywhere")) func aReadOnlyFolderIsNamed()
    throws
  {
    defer {
      chmod(place.url.path, 0o755)
      place.remove()
    }
    try store().save(Self.state(1), step: 1)
    chmod(place.url.path, 0o555)
    let error = #expect(throws: AtomicFileError.self) { try store().save(Self.state(2), step: 2) }
    #expect(error?.code == EACCES)
    #expect(try newest(store()) == (1, []))
  }

  /// A name that leaves no room for a temporary file: nothing is written, and what was there stays.
  @Test func aFailedWriteLeavesNoHalfFile() throws {
    defer { place.remove() }
    try store().save(Self.state(1), step: 1)
    let long = String(repeating: "x", count: 250)
    #expect(throws: AtomicFileError.self) { try store(long).save(Self.state(2), step: 2) }
    #expect(names.count == 1 && !names[0].hasPrefix("."))
  }
}
