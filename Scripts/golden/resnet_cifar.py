"""The public CIFAR-10 ResNets: their accuracy on the first 1,000 test images, and their logits for eight images.

The weights are those of akamaster/pytorch_resnet_cifar10 as safetensors; their metadata records `best_prec1`, the
accuracy in percent on all 10,000 official test images. Images are scaled to [0, 1] and normalised with the mean and
deviation of ImageNet, as those models were trained.
"""

import json
import lzma
import struct

import numpy
import torch

from common import VISION, Golden, deterministic, emit_json
from models import ResNet

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def read_safetensors(path):
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8:8 + length]), data[8 + length:]
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32", (name, entry["dtype"])
        start, end = entry["data_offsets"]
        tensors[name] = torch.frombuffer(bytearray(body[start:end]), dtype=torch.float32).reshape(entry["shape"])
    return metadata, tensors


def normalised(images):
    return (images.float() / 255 - MEAN) / DEVIATION


def main(data) -> None:
    deterministic(11)
    folder = data / "cifar-10-batches-bin"
    plain, packed = folder / "test_first1000.bin", folder / "test_first1000.bin.xz"
    raw = plain.read_bytes() if plain.exists() else lzma.decompress(packed.read_bytes())
    records = torch.from_numpy(numpy.frombuffer(raw, dtype=numpy.uint8).copy()).reshape(-1, 3073)
    labels, images = records[:, 0].long(), records[:, 1:].reshape(-1, 3, 32, 32)

    golden = Golden("resnet_cifar.py")
    pixels = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    golden.case("images", "uint8 pixels; logits of the real weights, evaluation mode, ImageNet normalisation",
                pixels=pixels)
    models = []
    for depth in (20, 32, 44, 56):
        metadata, tensors = read_safetensors(data / f"resnet-cifar10/resnet{depth}.safetensors")
        model = ResNet([(depth - 2) // 6] * 3, 16, 10, None, "linear")
        expected = {key for key in model.state_dict() if not key.endswith("num_batches_tracked")}
        assert set(tensors) == expected, set(tensors) ^ expected
        model.load_state_dict(tensors, strict=False)
        model.eval()
        with torch.no_grad():
            predictions = torch.cat([model(normalised(part)).argmax(1) for part in images.split(250)])
            golden.case(f"resnet{depth}", None, logits=model(normalised(pixels)))
        correct = int((predictions == labels).sum())
        models.append({
            "name": f"resnet{depth}", "file": f"resnet-cifar10/resnet{depth}.safetensors",
            "recorded_accuracy": round(float(metadata["best_prec1"]) / 100, 4),
            "parameters": sum(value.numel() for value in model.parameters()),
            "correct_of_first_1000": correct, "accuracy_first_1000": correct / len(labels)})
    golden.write(VISION / "golden-resnet-cifar.safetensors")
    emit_json(VISION / "golden-resnet-cifar.json", {
        "torch": torch.__version__.split("+")[0], "script": "Scripts/golden/resnet_cifar.py",
        "normalisation": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        "images": "test_first1000.bin: the first 1,000 official test images; recorded_accuracy is of all 10,000",
        "models": models})
