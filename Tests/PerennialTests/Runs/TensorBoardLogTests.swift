import Foundation
import Testing

@testable import Perennial

@Suite struct TensorBoardLogTests {
  /// A number in an event file, as its bytes have it.
  struct Scalar: Equatable {
    let tag: String
    let step: Int
    let value: Float
  }

  /// The fields of a protocol-buffers message, by number.
  static func fields(_ bytes: Data) -> [Int: Data] {
    var (rest, found) = (bytes[...], [Int: Data]())
    func varint() -> Int {
      var (value, shift) = (0, 0)
      while let byte = rest.popFirst() {
        value |= Int(byte & 0x7F) << shift
        if byte < 0x80 { break }
        shift += 7
      }
      return value
    }
    while !rest.isEmpty {
      let key = varint()
      let value: Data
      switch key & 7 {
      case 0: value = withUnsafeBytes(of: varint().littleEndian) { Data($0) }
      case 1: value = rest.prefix(8)
      case 5: value = rest.prefix(4)
      default:
        let count = varint()
        value = rest.prefix(count)
      }
      if key & 7 != 0 { rest = rest.dropFirst(value.count) }
      found[key >> 3] = Data(value)
    }
    return found
  }

  /// All scalars of the one event file in a folder, in order.
  static func scalars(in folder: URL) throws -> [Scalar] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    var rest = try Data(contentsOf: folder.appendingPathComponent(#require(names.first)))[...]
    #expect(names.count == 1)
    var found: [Scalar] = []
    while !rest.isEmpty {
      let length = Data(rest.prefix(8)).withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
      let event = fields(Data(rest.dropFirst(12).prefix(length)))
      rest = rest.dropFirst(length + 16)
      guard let summary = event[5], let entry = fields(summary)[1] else { continue }
      let (step, parts) = (try #require(event[2]), fields(entry))
      found.append(
        Scalar(
          tag: String(decoding: try #require(parts[1]), as: UTF8.self),
          step: step.withUnsafeBytes { $0.loadUnaligned(as: Int.self) },
          value: try #require(parts[2]).withUnsafeBytes { $0.loadUnaligned(as: Float.self) }))
    }
    return found
  }

  @Test func whatARunComesToStandsAtItsLastStep() throws {
    let folder = try AtomicFileTests.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let log = TensorBoardLog(folder, stepInterval: 20) { Issue.record("\($0)") }
    func position(_ seed: Int) -> RunPosition { RunPosition(strategy: "er", seed: seed, experiences: 1) }
    // The second run goes on from a checkpoint, and another one begins before the first is over.
    log.note(.started(position(0), step: 0, steps: 45))
    log.note(.step(position(0), step: 40, steps: 45, loss: 0.5))
    log.note(.started(position(1), step: 300, steps: 300))
    log.note(.step(position(0), step: 45, steps: 45, loss: 0.25))
    log.note(.evaluated(position(0), step: 45, accuracies: [0.75]))
    for seed in 0..<2 { log.note(.finished(position(seed), metrics: [.averageAccuracy: 0.75], seconds: 1)) }
    #expect(
      try Self.scalars(in: folder.appendingPathComponent("er-0")) == [
        Scalar(tag: "loss", step: 40, value: 0.5),
        Scalar(tag: "accuracy/experience 1", step: 45, value: 0.75),
        Scalar(tag: "accuracy/seen", step: 45, value: 0.75),
        Scalar(tag: "final/average_accuracy", step: 45, value: 0.75),
      ])
    #expect(
      try Self.scalars(in: folder.appendingPathComponent("er-1")) == [
        Scalar(tag: "final/average_accuracy", step: 300, value: 0.75)
      ])
  }
}
