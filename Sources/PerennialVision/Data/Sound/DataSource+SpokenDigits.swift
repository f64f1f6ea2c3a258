import Foundation
import Perennial
import Torch

extension DataSource {
  /// The Free Spoken Digit Dataset (Jackson et al. 2018): digits spoken by a few people, `7_jackson_32.wav`, as
  /// spectrograms `[1, bands, frames]` of mean 0 and deviation 1 over the training recordings.
  ///
  /// One speaker tests, whom training never hears.
  /// - Throws: `UnknownSpeakerError`, or `FileError` for a damaged recording.
  static func spokenDigits(in folder: URL, testSpeaker: String, spectrogram: LogMelSpectrogram) throws
    -> DataSource
  {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
      $0.hasSuffix(".wav")
    }
    let recordings = try names.sorted().map { name in
      let parts = name.dropLast(4).split(separator: "_")
      guard parts.count == 3, let digit = Int(parts[0]), 0...9 ~= digit else {
        throw FileError(
          .format, folder.appendingPathComponent(name).path, "not named as in `7_jackson_32.wav`")
      }
      return (name: name, digit: digit, speaker: String(parts[1]))
    }
    let speakers = Set(recordings.map(\.speaker)).sorted()
    guard speakers.contains(testSpeaker), speakers.count > 1 else {
      throw UnknownSpeakerError(name: testSpeaker, known: speakers)
    }
    var rate = 0
    let sounds = try recordings.map { recording in
      let url = folder.appendingPathComponent(recording.name)
      let wave = try WaveFile(url)
      guard rate == 0 || wave.rate == rate else {
        throw FileError(.mismatch, url.path, "\(wave.rate) samples a second, and \(rate) in the files before")
      }
      rate = wave.rate
      return wave.samples
    }
    let images = try spectrogram(sounds, rate: rate)
    let (test, train) = (
      recordings.indices.filter { recordings[$0].speaker == testSpeaker },
      recordings.indices.filter { recordings[$0].speaker != testSpeaker }
    )
    let heard = try images.indexSelect(Tensor(train))
    let deviation = try heard.standardDeviation([0, 1, 2, 3], correction: 0).clamp(min: 1e-6)
    let all = try Examples(
      inputs: (images - heard.mean()) / deviation, targets: Tensor(recordings.map(\.digit)))
    return DataSource(
      name: "fsdd", train: try all.select(train), test: try all.select(test), pipeline: try InputPipeline(),
      note: "log-mel spectrograms; speaker \(testSpeaker) tests and is not learned")
  }
}

/// A speaker whom the recordings do not have, or besides whom there is none to learn from.
struct UnknownSpeakerError: Error, CustomStringConvertible {
  let name: String
  let known: [String]

  var description: String {
    "must be one of several speakers, \(known.map { "`\($0)`" }.joined(separator: ", ")), found `\(name)`"
  }
}
