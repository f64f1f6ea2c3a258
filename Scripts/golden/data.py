#!/usr/bin/env python3
"""Writes what the tests of the readers expect, by NumPy, Pillow and scikit-learn instead of Perennial's readers.

    python Scripts/golden/data.py --data DIR    # DIR holds mnist, cifar-10-batches-bin, omniglot

Needs numpy, Pillow and scikit-learn. Small files of every format go to Fixtures and Golden with what they decode to;
of the large sets only shapes, counts and SHA-256 sums of the decoded bytes are kept.
"""

import argparse
import gzip
import hashlib
import io
import json
import pathlib
import struct
import zipfile

import numpy
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGES = ROOT / "Tests/PerennialVisionTests/Fixtures/images"
EXPECTED = ROOT / "Tests/PerennialVisionTests/Fixtures/golden-data.json"
ARRAYS = ROOT / "Tests/TorchTests/Golden/numpy"


def summary(images, labels):
    images, labels = numpy.ascontiguousarray(images), numpy.asarray(labels)
    assert images.dtype == numpy.uint8 and len(images) == len(labels)
    return {
        "shape": list(images.shape), "pixels": hashlib.sha256(images.tobytes()).hexdigest(),
        "labels": hashlib.sha256(labels.astype("<i8").tobytes()).hexdigest(),
        "counts": numpy.bincount(labels).tolist(),
    }


def idx(path, rank):
    data = gzip.decompress(path.read_bytes())
    shape = struct.unpack(f">{rank}I", data[4:4 + 4 * rank])
    return numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * rank).reshape(shape)


def mnist(root):
    return {
        part: summary(
            idx(root / f"mnist/{name}-images-idx3-ubyte.gz", 3)[:, None],
            idx(root / f"mnist/{name}-labels-idx1-ubyte.gz", 1))
        for part, name in (("train", "train"), ("test", "t10k"))
    }


def cifar10(root):
    def batch(number):
        raw = numpy.fromfile(root / f"cifar-10-batches-bin/data_batch_{number}.bin", numpy.uint8)
        return raw.reshape(-1, 3073)

    train, test = numpy.concatenate([batch(i) for i in range(1, 5)]), batch(5)
    return {
        part: summary(raw[:, 1:].reshape(-1, 3, 32, 32), raw[:, 0])
        for part, raw in (("train", train), ("test", test))
    }


def omniglot(root):
    drawings = {}
    for number in (1, 2):
        with zipfile.ZipFile(root / f"omniglot/python/images_background_small{number}.zip") as archive:
            for name in archive.namelist():
                if name.endswith(".png"):
                    _, alphabet, character, file = name.split("/")
                    image = Image.open(io.BytesIO(archive.read(name))).convert("L")
                    person = int(file[:-4].split("_")[1])
                    drawings[f"{alphabet}/{character}", person] = 255 - numpy.array(image)
    names = sorted({character for character, _ in drawings})
    result = {}
    for part, people in (("train", range(1, 16)), ("test", range(16, 21))):
        keys = sorted(key for key in drawings if key[1] in people)
        result[part] = summary(
            numpy.stack([drawings[key] for key in keys])[:, None], [names.index(key[0]) for key in keys])
    return result


def digits():
    from sklearn.datasets import load_digits
    data = load_digits()
    images = numpy.round(data.images * 255 / 16).astype(numpy.uint8)[:, None]
    # The last fifth of each class, rounded, tests.
    test = numpy.zeros(len(images), bool)
    for label in range(10):
        places = numpy.flatnonzero(data.target == label)
        test[places[len(places) - round(len(places) * 0.2):]] = True
    return {"train": summary(images[~test], data.target[~test]), "test": summary(images[test], data.target[test])}


def picture(height, width):
    """A smooth picture with structure in every channel."""
    y, x = numpy.mgrid[0:height, 0:width]
    channels = [127 + 120 * numpy.sin(x / 5 + y / 9), 255 * x / (width - 1), 127 + 120 * numpy.cos(y / 4 - x / 7)]
    return numpy.stack(channels, -1).round().clip(0, 255).astype(numpy.uint8)


def images():
    IMAGES.mkdir(parents=True, exist_ok=True)
    color = Image.fromarray(picture(24, 33))
    grey = color.convert("L")
    alpha = color.copy()
    alpha.putalpha(grey)
    sixteen = Image.fromarray(numpy.array(grey).astype(numpy.uint16) * 257)
    files = {
        "color.png": color, "grey.png": grey, "alpha.png": alpha, "bits.png": grey.convert("1"),
        "palette.png": color.quantize(16), "sixteen.png": sixteen,
        "color.jpg": color, "grey.jpg": grey, "progressive.jpg": color, "full.jpg": color,
    }
    options = {
        "color.jpg": {"quality": 90}, "grey.jpg": {"quality": 90}, "full.jpg": {"quality": 95, "subsampling": 0},
        "progressive.jpg": {"quality": 90, "progressive": True},
    }
    expected = {}
    for name, image in files.items():
        image.save(IMAGES / name, **options.get(name, {}))
        decoded = Image.open(IMAGES / name)
        if name == "sixteen.png":
            pixels = numpy.array(grey)
        else:
            pixels = numpy.array(decoded.convert("L" if decoded.mode in ("1", "L") else "RGB"))
        expected[name] = pixels if pixels.ndim == 3 else pixels[..., None]
    for name, size in (("color.png 10x16", (16, 10)), ("color.png 40x50", (50, 40)), ("color.png 24x11", (11, 24))):
        expected[name] = numpy.array(color.resize(size, Image.BILINEAR))
    save(IMAGES / "expected.npz", expected)


def save(path, arrays):
    """An .npz without time stamps, so that the same arrays give the same file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            numpy.save(buffer, array)
            archive.writestr(zipfile.ZipInfo(name + ".npy"), buffer.getvalue(), zipfile.ZIP_DEFLATED)


def arrays():
    ARRAYS.mkdir(parents=True, exist_ok=True)
    base = numpy.arange(24).reshape(2, 3, 4)
    cases = {
        "float32": base.astype("<f4") / 8, "float64": base.astype("<f8") / 8, "float16": base.astype("<f2") / 8,
        "big_float32": base.astype(">f4") / 8, "big_int16": (base - 12).astype(">i2"), "big_int64": base.astype(">i8") - 12,
        "int8": (base - 12).astype("i1"), "int32": (base - 12).astype("<i4"), "int64": base.astype("<i8") - 12,
        "uint8": base.astype("u1") * 10, "uint16": base.astype("<u2") * 2000, "big_uint16": base.astype(">u2") * 2000,
        "uint32": base.astype("<u4") * 150_000_000, "uint64": base.astype("<u8") * 10**15, "bool": base % 3 == 0,
        "fortran": numpy.asfortranarray(base.astype("<f4") / 8), "fortran_big": numpy.asfortranarray(base.astype(">i4")),
        "scalar": numpy.float64(2.5), "vector": numpy.arange(5, dtype="<f4"), "empty": numpy.zeros((0, 3), "<f4"),
    }
    # Big-endian types must survive the arithmetic above.
    cases = {name: array.astype(array.dtype.newbyteorder(">")) if "big" in name else array for name, array in cases.items()}
    cases["fortran_big"] = numpy.asfortranarray(cases["fortran_big"])
    for name, array in cases.items():
        numpy.save(ARRAYS / f"{name}.npy", array)
    numpy.savez(ARRAYS / "stored.npz", x=cases["float32"], y=cases["int64"])
    save(ARRAYS / "deflated.npz", {"x": cases["float32"], "y": cases["int64"]})
    text = bytes(range(256)) * 40
    member = lambda part: gzip.compress(part, mtime=0)
    (ARRAYS / "members.gz").write_bytes(member(text[:5000]) + member(text[5000:]) + bytes(100))
    numpy.save(ARRAYS / "refused_object.npy", numpy.array([1, "a"], object), allow_pickle=True)
    numpy.save(ARRAYS / "refused_text.npy", numpy.array(["a", "b"]))
    numpy.save(ARRAYS / "refused_complex.npy", numpy.array([1j]))
    numpy.save(ARRAYS / "refused_record.npy", numpy.zeros(2, [("a", "<f4"), ("b", "<i4")]))
    values = {
        name: {"shape": list(array.shape), "values": numpy.asarray(array).astype(float).ravel().tolist()}
        for name, array in cases.items()
    }
    (ARRAYS / "expected.json").write_text(json.dumps(values, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    root = parser.parse_args().data
    images()
    arrays()
    sets = {"digits": digits(), "mnist": mnist(root), "cifar10": cifar10(root), "omniglot": omniglot(root)}
    EXPECTED.write_text(json.dumps(sets, indent=1) + "\n")
    for name, parts in sets.items():
        print(name, {part: value["shape"] for part, value in parts.items()})
