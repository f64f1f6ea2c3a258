"""A log-mel spectrogram, from a discrete Fourier transform and mel bands written out in float64.

Half a second of a chirp with noise at 8,000 samples a second; windows of 256 (periodic Hann) every 128, 20 bands,
log(p + 1e-6). 34 frames, the last ones of what is left and of silence.
"""

import numpy
import torch

from common import VISION, Golden, deterministic

RATE, WINDOW, HOP, BANDS, FRAMES = 8000, 256, 128, 20, 34


def mel(frequency):
    return 2595 * numpy.log10(1 + frequency / 700)


def main() -> None:
    deterministic(47)
    golden = Golden("sound.py")
    time = numpy.arange(4000) / RATE
    sound = 0.4 * numpy.sin(2 * numpy.pi * (200 + 2400 * time) * time) + 0.02 * numpy.random.randn(4000)
    samples = numpy.round(sound * 32768).clip(-32768, 32767).astype(numpy.int64)
    padded = numpy.zeros(WINDOW + (FRAMES - 1) * HOP)
    padded[:4000] = samples / 32768
    hann = 0.5 - 0.5 * numpy.cos(2 * numpy.pi * numpy.arange(WINDOW) / WINDOW)
    corners = 700 * (10 ** (numpy.linspace(0, mel(RATE / 2), BANDS + 2) / 2595) - 1)
    result = numpy.zeros((BANDS, FRAMES))
    for frame in range(FRAMES):
        power = numpy.abs(numpy.fft.rfft(hann * padded[frame * HOP:frame * HOP + WINDOW])) ** 2
        for band in range(BANDS):
            low, middle, high = corners[band:band + 3]
            total = 0.0
            for bin_, value in enumerate(power):
                frequency = bin_ * RATE / WINDOW
                if low < frequency <= middle:
                    total += value * (frequency - low) / (middle - low)
                elif middle < frequency < high:
                    total += value * (high - frequency) / (high - middle)
            result[band, frame] = numpy.log(total + 1e-6)
    golden.case("chirp", "log-mel power", samples=torch.from_numpy(samples), spectrogram=torch.from_numpy(result))
    golden.write(VISION / "golden-sound.safetensors")
