import Foundation
import Torch

/// Sound as a RIFF WAVE file holds it: 16-bit PCM, of which the first channel is taken.
struct WaveFile {
  /// Samples a second.
  let rate: Int
  /// In [−1, 1).
  let samples: [Float]

  /// - Throws: `FileError` for a missing or damaged file, or another coding.
  init(_ url: URL) throws { try self.init(Data(file: url), url.path) }

  init(_ data: Data, _ path: String) throws {
    func fault(_ kind: FileError.Kind, _ place: Int, _ message: String) -> FileError {
      FileError(kind, path, .byte(place), message)
    }
    (rate, samples) = try data.withUnsafeBytes { bytes in
      guard data.prefix(4).elementsEqual("RIFF".utf8), data.dropFirst(8).prefix(4).elementsEqual("WAVE".utf8)
      else {
        throw fault(.format, 0, "no RIFF WAVE header")
      }
      var format: (channels: Int, rate: Int)?
      var place = 12
      while let length = bytes.integer(at: place + 4, as: UInt32.self).map(Int.init) {
        let name = data.dropFirst(place).prefix(4)
        guard let body = bytes.slice(at: place + 8, length: length) else {
          throw fault(.truncated, place, "a chunk of \(length) bytes, and the file ends before")
        }
        if name.elementsEqual("fmt ".utf8) {
          guard let coding = body.integer(at: 0, as: UInt16.self),
            let width = body.integer(at: 14, as: UInt16.self),
            let channels = body.integer(at: 2, as: UInt16.self),
            let rate = body.integer(at: 4, as: UInt32.self)
          else { throw fault(.truncated, place, "the format takes 16 bytes") }
          guard coding == 1, width == 16, channels > 0, rate > 0 else {
            throw fault(
              .unsupported, place, "only PCM of 16 bits is read, not coding \(coding) of \(width) bits")
          }
          format = (Int(channels), Int(rate))
        } else if name.elementsEqual("data".utf8) {
          guard let format else { throw fault(.corrupt, place, "sound before its format") }
          let step = 2 * format.channels
          let samples = (0..<length / step).compactMap {
            body.integer(at: $0 * step, as: Int16.self).map { Float($0) / 32768 }
          }
          return (format.rate, samples)
        }
        place += 8 + length + length % 2
      }
      throw fault(.truncated, place, "there is no sound in it")
    }
  }
}
