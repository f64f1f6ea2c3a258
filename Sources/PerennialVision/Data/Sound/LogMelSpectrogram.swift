import Foundation
import Torch

/// Sound as an image: the logarithm of its power in bands that are equally wide in mel, over time.
///
/// Windows of 256 samples (Hann, periodic) every 128, their power spectrum, triangular bands of height 1 between 0 Hz and
/// half the rate on the mel scale m = 2595 log₁₀(1 + f / 700), log(p + 10⁻⁶). Sound that is too long loses its end,
/// sound that is too short is followed by silence.
struct LogMelSpectrogram {
  private static let window = 256
  private static let hop = 128

  let bands: Int
  let frames: Int

  /// Samples that are looked at.
  var samples: Int { Self.window + (frames - 1) * Self.hop }

  /// Spectrograms `[N, 1, bands, frames]` of sounds of one rate.
  func callAsFunction(_ sounds: [[Float]], rate: Int) throws -> Tensor {
    try noGrad {
      let (window, length) = (Self.window, samples)
      let flat = sounds.flatMap {
        $0.prefix(length) + [Float](repeating: 0, count: max(0, length - $0.count))
      }
      let rows = try Tensor(flat, shape: [sounds.count, length])
        .asStrided([sounds.count, frames, window], strides: [length, Self.hop, 1], offset: 0)
      let (cosines, sines) = try waves()
      let filters = try filters(rate)
      // A few hundred sounds at a time keep the spectra small.
      let parts = try stride(from: 0, to: sounds.count, by: 256).map { start in
        let some = try rows.narrow(dim: 0, start: start, count: min(256, sounds.count - start))
        let power = try some.matmul(cosines).square() + some.matmul(sines).square()
        return try (power.matmul(filters) + 1e-6).log().transpose(1, 2).unsqueeze(1).contiguous()
      }
      return try Tensor.concatenate(parts)
    }
  }

  /// The window times cos and sin of every frequency, `[window, window / 2 + 1]`.
  private func waves() throws -> (Tensor, Tensor) {
    let (size, bins) = (Self.window, Self.window / 2 + 1)
    func waves(_ wave: (Double) -> Double) throws -> Tensor {
      let values = (0..<size).flatMap { n in
        let hann = 0.5 - 0.5 * cos(2 * .pi * Double(n) / Double(size))
        return (0..<bins).map { Float(hann * wave(2 * .pi * Double(n * $0 % size) / Double(size))) }
      }
      return try Tensor(values, shape: [size, bins])
    }
    return (try waves(cos), try waves(sin))
  }

  /// The share of each frequency in each band, `[window / 2 + 1, bands]`.
  private func filters(_ rate: Int) throws -> Tensor {
    let top = 2595 * log10(1 + Double(rate) / 2 / 700)
    let corners = (0..<bands + 2).map { 700 * (pow(10, top * Double($0) / Double(bands + 1) / 2595) - 1) }
    let values = (0..<Self.window / 2 + 1).flatMap { bin in
      let frequency = Double(bin * rate) / Double(Self.window)
      return (0..<bands).map { band in
        let rise = (frequency - corners[band]) / (corners[band + 1] - corners[band])
        let fall = (corners[band + 2] - frequency) / (corners[band + 2] - corners[band + 1])
        return Float(max(0, min(rise, fall)))
      }
    }
    return try Tensor(values, shape: [Self.window / 2 + 1, bands])
  }
}
