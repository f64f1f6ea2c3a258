#!/usr/bin/env python3
"""Reads event files with TensorBoard's own reader and prints what it sees, as JSON.

    pip install tensorboard
    python3 Scripts/golden/tensorboard_events.py FOLDER_OR_FILE [> Tests/PerennialTests/Golden/tensorboard.json]

The golden event file `Tests/PerennialTests/Golden/tensorboard.tfevents` is what `EventWriterTests` writes with a fixed
clock; its twin `tensorboard.json` is this script's reading of it. A test holds the Swift writer to the bytes of the
first, and so to a file that the real TensorBoard is known to read as the second says.
"""

import json
import sys

from tensorboard.backend.event_processing import event_accumulator


def main(path: str) -> None:
    everything = {kind: 0 for kind in ("scalars", "histograms", "images", "tensors")}
    events = event_accumulator.EventAccumulator(path, size_guidance=everything)
    events.Reload()
    tags = events.Tags()
    seen = {
        "file_version": events.file_version,
        "scalars": {t: [[e.step, e.value, e.wall_time] for e in events.Scalars(t)] for t in tags["scalars"]},
        "histograms": {
            t: [
                {
                    "step": e.step,
                    "min": e.histogram_value.min,
                    "max": e.histogram_value.max,
                    "num": e.histogram_value.num,
                    "sum": e.histogram_value.sum,
                    "sum_squares": e.histogram_value.sum_squares,
                    "limits": list(e.histogram_value.bucket_limit),
                    "counts": list(e.histogram_value.bucket),
                }
                for e in events.Histograms(t)
            ]
            for t in tags["histograms"]
        },
        "images": {t: [[e.step, e.width, e.height] for e in events.Images(t)] for t in tags["images"]},
        "texts": {
            t: [e.tensor_proto.string_val[0].decode() for e in events.Tensors(t)] for t in tags["tensors"]
        },
    }
    json.dump(seen, sys.stdout, indent=1, sort_keys=True)
    print()


if __name__ == "__main__":
    main(sys.argv[1])
