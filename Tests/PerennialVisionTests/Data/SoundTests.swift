import Foundation
import TestSupport
import Testing
import Torch

@testable import Perennial
@testable import PerennialVision

@Suite struct SoundTests {
  /// A file of 16-bit samples, with a chunk of an odd length that means nothing before the sound.
  static func wave(_ samples: [Int16], rate: UInt32 = 8000, channels: UInt16 = 1, coding: UInt16 = 1) -> Data
  {
    func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
      withUnsafeBytes(of: value.littleEndian, Array.init)
    }
    let format =
      bytes(coding) + bytes(channels) + bytes(rate) + bytes(rate * 2) + bytes(UInt16(2)) + bytes(UInt16(16))
    let sound = samples.flatMap { bytes($0) }
    var body = Array("WAVEfmt ".utf8) + bytes(UInt32(format.count)) + format
    body += Array("LIST".utf8) + bytes(UInt32(3)) + [1, 2, 3, 0]
    body += Array("data".utf8) + bytes(UInt32(sound.count)) + sound
    return Data(Array("RIFF".utf8) + bytes(UInt32(body.count)) + body)
  }

  @Test func samplesAreRead() throws {
    let mono = try WaveFile(Self.wave([0, 16384, -32768]), "a.wav")
    #expect(mono.rate == 8000 && mono.samples == [0, 0.5, -1])
    let stereo = try WaveFile(Self.wave([1, 2, 3, 4], rate: 16000, channels: 2), "b.wav")
    #expect(stereo.rate == 16000 && stereo.samples == [1.0 / 32768, 3.0 / 32768])
  }

  @Test func whatIsNoSoundIsNamed() throws {
    func kind(_ data: Data) -> FileError.Kind? {
      do {
        _ = try WaveFile(data, "a.wav")
        return nil
      } catch { return (error as? FileError)?.kind }
    }
    let good = Self.wave([1, 2, 3])
    #expect(kind(Data("not a sound at all".utf8)) == .format)
    #expect(kind(Data()) == .format)
    #expect(kind(good.dropLast(2)) == .truncated)
    #expect(kind(good.prefix(36)) == .truncated)
    #expect(kind(Self.wave([1], coding: 3)) == .unsupported)
    #expect(kind(Self.wave([1], channels: 0)) == .unsupported)
    for damaged in FileMutations(of: Array(good), count: 500) {
      do {
        let wave = try WaveFile(Data(damaged), "a.wav")
        #expect(wave.rate > 0)
      } catch { #expect(error is FileError) }
    }
  }

  @Test func theSpectrogramIsTheGoldenOne() throws {
    let url = try #require(
      Bundle.module.url(forResource: "Fixtures/golden-sound", withExtension: "safetensors"))
    let golden = try Safetensors.read(url).tensors
    let samples = try #require(golden["chirp/samples"]).integers().map { Float($0) / 32768 }
    let expected = try #require(golden["chirp/spectrogram"])
    let own = try LogMelSpectrogram(bands: 20, frames: 34)([samples, samples.reversed()], rate: 8000)
    #expect(own.shape == [2, 1, 20, 34])
    let worst = try (own[0][0] - expected).abs().amax([]).item()
    #expect(worst < 2e-3, "off by \(worst) of logarithms between −14 and 4")
  }

  static func folder(_ speakers: [String], rates: [UInt32] = [8000]) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sound-\(UUID().uuidString)")
    let recordings = folder.appendingPathComponent("fsdd/recordings")
    try FileManager.default.createDirectory(at: recordings, withIntermediateDirectories: true)
    for (place, speaker) in speakers.enumerated() {
      for digit in 0..<3 {
        let samples = (0..<900).map { Int16(3000 * sin(Double($0 * (digit + 1) * (place + 2)) / 20)) }
        try wave(samples, rate: rates[place % rates.count])
          .write(to: recordings.appendingPathComponent("\(digit)_\(speaker)_0.wav"))
      }
    }
    return folder
  }

  private static func source(_ root: URL, _ options: String) throws -> DataSource {
    try DataSources(root: DataRoot(root.path)).source(
      Selection(ConfigurationNode(yaml: "{fsdd: \(options)}", source: "test")))
  }

  @Test func oneSpeakerTests() throws {
    let root = try Self.folder(["ann", "ben", "theo"])
    defer { try? FileManager.default.removeItem(at: root) }
    let source = try Self.source(root, "{bands: 12, frames: 9}")
    #expect(source.train.inputs.shape == [6, 1, 12, 9] && source.test.inputs.shape == [3, 1, 12, 9])
    #expect(try source.train.targets.integers() == [0, 0, 1, 1, 2, 2])
    #expect(try source.test.targets.integers() == [0, 1, 2])
    #expect(try abs(source.train.inputs.mean().item()) < 1e-5)
    let other = try Self.source(root, "{bands: 12, frames: 9, test_speaker: ann}")
    #expect(try other.test.inputs.floats() != source.test.inputs.floats())
    #expect(source.note?.contains("theo") == true)
    let error = #expect(throws: ConfigurationError.self) { try Self.source(root, "{test_speaker: zoe}") }
    #expect("\(String(describing: error))".contains("`ann`, `ben`, `theo`"))
    #expect(throws: ConfigurationError.self) { try Self.source(root, "{bands: 0}") }
  }

  @Test func recordingsThatDoNotBelongTogetherAreNamed() throws {
    let root = try Self.folder(["ann", "theo"], rates: [8000, 16000])
    defer { try? FileManager.default.removeItem(at: root) }
    #expect(throws: FileError.self) { try Self.source(root, "{}") }
    let alone = try Self.folder(["theo"])
    defer { try? FileManager.default.removeItem(at: alone) }
    #expect(throws: ConfigurationError.self) { try Self.source(alone, "{}") }
    let stray = try Self.folder(["ann", "theo"])
    defer { try? FileManager.default.removeItem(at: stray) }
    try Self.wave([1]).write(to: stray.appendingPathComponent("fsdd/recordings/hello.wav"))
    #expect(throws: FileError.self) { try Self.source(stray, "{}") }
    #expect(throws: MissingDataError.self) { try Self.source(stray.appendingPathComponent("none"), "{}") }
  }

  static let real = ProcessInfo.processInfo.environment["PERENNIAL_DATA"].map { URL(fileURLWithPath: $0) }

  @Test(
    .enabled(if: real.map { FileManager.default.fileExists(atPath: "\($0.path)/fsdd/recordings") } ?? false))
  func theRealRecordingsAreThere() throws {
    let source = try Self.source(#require(Self.real), "{}")
    #expect(source.train.inputs.shape == [2500, 1, 32, 48] && source.test.count == 500)
    #expect(try source.test.targets.bincount().integers() == [Int](repeating: 50, count: 10))
  }
}
