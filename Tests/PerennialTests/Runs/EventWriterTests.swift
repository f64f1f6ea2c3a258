import Foundation
import Testing

@testable import Perennial

@Suite struct EventWriterTests {
  /// A clock that tests set.
  final class Clock {
    var time = Date(timeIntervalSince1970: 1_700_000_000.5)
  }

  /// A PNG of one red pixel.
  static let png =
    Data(
      base64Encoded:
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC")
    ?? Data()

  static func writeGolden(in folder: URL) throws -> URL {
    let clock = Clock()
    let writer = try EventWriter(folder: folder, now: { clock.time })
    writer.scalar("train/loss", 0.5, step: 1)
    clock.time += 1
    writer.scalar("train/loss", 0.25, step: 300)
    writer.scalar("évaluation/accuracy", 0.9876, step: 300)
    writer.histogram("weights", [-1, -0.5, 0, 0.25, 0.25, 1], step: 300, buckets: 4)
    writer.histogram("constant", [3, 3, 3], step: 300, buckets: 4)
    writer.histogram("not finite", [.nan], step: 300)
    writer.image("sample", png: png, width: 1, height: 1, step: 300)
    writer.text("recipe", "name: **split-digits/class**", step: 0)
    writer.flush()
    return writer.file
  }

  func golden(_ name: String, _ type: String) throws -> Data {
    let url = try #require(Bundle.module.url(forResource: name, withExtension: type, subdirectory: "Golden"))
    return try Data(contentsOf: url)
  }

  /// The vectors of RFC 3720, appendix B.4.
  @Test func checksumMatchesTheStandard() {
    #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.checksum(Array(0..<32)) == 0x46DD_794E)
    #expect(CRC32C.checksum((0..<32).reversed()) == 0x113F_DB5C)
    #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
  }

  /// The golden file was read by TensorBoard itself; `tensorboard.json` beside it is what it saw.
  @Test func writesTheBytesThatTensorBoardReads() throws {
    let folder = try AtomicFileTests.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = try Self.writeGolden(in: folder)
    #expect(file.lastPathComponent.hasPrefix("events.out.tfevents.1700000000."))
    #expect(try Data(contentsOf: file) == golden("tensorboard", "tfevents"))
  }

  @Test func tensorBoardSawWhatWasWritten() throws {
    let object = try #require(
      try JSONSerialization.jsonObject(with: golden("tensorboard", "json")) as? [String: Any])
    let scalars = try #require(object["scalars"] as? [String: [[Double]]])
    #expect(scalars["train/loss"] == [[1, 0.5, 1_700_000_000.5], [300, 0.25, 1_700_000_001.5]])
    #expect(scalars["évaluation/accuracy"]?.first?[1] == Double(Float(0.9876)))
    let histograms = try #require(object["histograms"] as? [String: [[String: Any]]])
    let weights = try #require(histograms["weights"]?.first)
    #expect(weights["counts"] as? [Double] == [1, 1, 3, 1])
    #expect(weights["limits"] as? [Double] == [-0.5, 0, 0.5, 1])
    #expect(weights["sum_squares"] as? Double == 2.375)
    let constant = try #require(histograms["constant"]?.first)
    #expect(constant["limits"] as? [Double] == [3])
    #expect(constant["counts"] as? [Double] == [3])
    #expect(histograms["not finite"] == nil)
    #expect((object["images"] as? [String: [[Double]]])?["sample"] == [[300, 1, 1]])
    #expect((object["texts"] as? [String: [String]])?["recipe"] == ["name: **split-digits/class**"])
    #expect(object["file_version"] as? Double == 2)
  }

  @Test func eventsReachTheDiskWithinTwoSeconds() throws {
    let folder = try AtomicFileTests.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let clock = Clock()
    let writer = try EventWriter(folder: folder, now: { clock.time })
    let size = { try Data(contentsOf: writer.file).count }
    let start = try size()
    #expect(start > 0, "the version record is there at once")
    for step in 0..<100 { writer.scalar("loss", 1, step: step) }
    #expect(try size() == start, "events gather in memory")
    clock.time += 2
    writer.scalar("loss", 1, step: 100)
    #expect(try size() > start)
  }

  @Test func closingWritesTheRest() throws {
    let folder = try AtomicFileTests.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    var writer: EventWriter? = try EventWriter(folder: folder)
    let file = try #require(writer?.file)
    let start = try Data(contentsOf: file).count
    writer?.scalar("loss", 1, step: 1)
    writer = nil
    #expect(try Data(contentsOf: file).count > start)
  }

  @Test func twoWritersOfOneSecondDoNotShareAFile() throws {
    let folder = try AtomicFileTests.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let clock = Clock()
    let one = try EventWriter(folder: folder, now: { clock.time })
    let other = try EventWriter(folder: folder, now: { clock.time })
    #expect(one.file != other.file)
  }

  @Test func aFolderThatCannotBeMadeIsNamed() {
    let error = #expect(throws: AtomicFileError.self) {
      try EventWriter(folder: URL(fileURLWithPath: "/dev/null/events"))
    }
    #expect(error?.description.contains("/dev/null/events") == true)
  }

  #if os(Linux)
    @Test func aFullDiskDoesNotStopTheTraining() throws {
      let writer = try EventWriter(appendingTo: URL(fileURLWithPath: "/dev/full"))
      for step in 0..<10 { writer.scalar("loss", 1, step: step) }
      writer.flush()
      #expect(writer.failure?.code == ENOSPC)
      writer.scalar("loss", 1, step: 11)
      writer.flush()
    }
  #endif
}
