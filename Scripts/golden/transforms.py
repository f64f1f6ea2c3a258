"""Image transforms, one image and one pixel at a time in float64, from their definitions.

Pixels are in [0, 1]. Parameters are given for each image, so nothing here is random.

    crop        `images` padded with `padding` zeros, then a window of `size` from (`top`, `left`)
    flip        columns reversed where `mask`
    rotate      counter-clockwise by `degrees` about the centre, bilinear, zero outside; one square and one oblong size
    rotate_bytes  the same by one angle on bytes, rounded
    brightness  min(1, factor · x)
    contrast    m + factor · (x − m) held in [0, 1], m the mean grey of the image
    saturation  g + factor · (x − g) held in [0, 1], g the grey of the pixel
    hue         `colorsys`: the hue of HSV plus `turns`
    normalize   (x − mean) / deviation
    permute     pixel i of the result is pixel order[i]
    pad         zeros around to 8 × 9, the larger half below and right
"""

import colorsys
import math

import numpy
import torch

from common import VISION, Golden, deterministic

GREY = (0.2989, 0.587, 0.114)


def rotated(image, degrees):
    """Pixel (row, column) of the result is what lies under it once the image has turned by `degrees`."""
    channels, height, width = image.shape
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    middle_row, middle_column = (height - 1) / 2, (width - 1) / 2
    result = numpy.zeros_like(image)
    for row in range(height):
        for column in range(width):
            x, y = column - middle_column, middle_row - row  # y upwards
            # Turning back by the angle finds the source: clockwise.
            source_column = middle_column + cosine * x + sine * y
            source_row = middle_row - (cosine * y - sine * x)
            for near_row in (math.floor(source_row), math.floor(source_row) + 1):
                for near_column in (math.floor(source_column), math.floor(source_column) + 1):
                    if 0 <= near_row < height and 0 <= near_column < width:
                        weight = (1 - abs(source_row - near_row)) * (1 - abs(source_column - near_column))
                        result[:, row, column] += weight * image[:, near_row, near_column]
    return result


def cropped(image, padding, size, top, left):
    channels, height, width = image.shape
    result = numpy.zeros((channels, size, size))
    for row in range(size):
        for column in range(size):
            source_row, source_column = row + top - padding, column + left - padding
            if 0 <= source_row < height and 0 <= source_column < width:
                result[:, row, column] = image[:, source_row, source_column]
    return result


def grey(image):
    return sum(weight * channel for weight, channel in zip(GREY, image))


def hued(image, turns):
    result = numpy.zeros_like(image)
    for row in range(image.shape[1]):
        for column in range(image.shape[2]):
            hue, saturation, value = colorsys.rgb_to_hsv(*image[:, row, column])
            result[:, row, column] = colorsys.hsv_to_rgb((hue + turns) % 1, saturation, value)
    return result


def held(image):
    return numpy.clip(image, 0, 1)


def main() -> None:
    deterministic(12)
    golden = Golden("transforms.py")
    random = numpy.random.default_rng(12)

    def case(name, expression, function, images, **parameters):
        """`function` of each image with its own parameters; scalars are shared and not stored."""
        vectors = {key: value for key, value in parameters.items() if isinstance(value, list)}
        shared = {key: value for key, value in parameters.items() if key not in vectors}
        output = numpy.stack([
            function(image, **shared, **{key: value[i] for key, value in vectors.items()})
            for i, image in enumerate(images.astype(numpy.float64))])
        golden.case(name, expression, images=torch.from_numpy(images), output=torch.from_numpy(output), **vectors)

    def pictures(*shape):
        return random.random(shape, dtype=numpy.float32)

    colour, oblong, grey_images = pictures(6, 3, 8, 8), pictures(5, 2, 5, 9), pictures(4, 1, 6, 6)
    colour[0, :, 0, 0] = 0.5  # grey, where hue is undefined
    colour[0, :, 0, 1] = (0.25, 0.75, 0.75)  # two largest
    colour[0, :, 0, 2] = 0
    case("crop", "padding 3, size 8", lambda image, top, left: cropped(image, 3, 8, top, left), colour,
         top=[0, 6, 3, 1, 5, 2], left=[6, 0, 3, 4, 2, 5])
    case("crop_inside", "no padding, size 5", lambda image, top, left: cropped(image, 0, 5, top, left), colour,
         top=[0, 3, 1, 2, 0, 3], left=[3, 0, 2, 1, 0, 3])
    case("flip", "columns reversed where mask", lambda image, mask: image[:, :, ::-1] if mask else image, oblong,
         mask=[True, False, True, True, False])
    case("rotate", "square", rotated, colour, degrees=[0.0, 90.0, -37.5, 10.0, 180.0, 200.0])
    case("rotate_oblong", "5 × 9", rotated, oblong, degrees=[0.0, 90.0, 30.0, -120.0, 45.0])

    def case_of_bytes(name, expression, function, images, **tensors):
        output = numpy.stack([function(image) for image in images])
        golden.case(name, expression, images=torch.from_numpy(images), output=torch.from_numpy(output), **tensors)

    digits = random.integers(0, 256, (3, 1, 7, 6), dtype=numpy.uint8)
    for degrees in (90, -33):
        square = digits[:, :, :6]
        case_of_bytes(
            f"rotate_bytes_{degrees}", f"by {degrees}°, rounded",
            lambda image: numpy.rint(rotated(image.astype(numpy.float64), degrees)).astype(numpy.uint8), square)

    case("brightness", "factor · x", lambda image, factor: held(factor * image), colour,
         factor=[0.0, 0.5, 1.0, 1.3, 2.0, 0.9])
    for name, images in (("contrast", colour), ("contrast_grey", grey_images)):
        case(name, "away from the mean grey", lambda image, factor: held(
                (m := (grey(image) if len(image) == 3 else image).mean()) + factor * (image - m)),
             images, factor=[0.0, 0.5, 1.0, 1.3, 2.0, 0.9][:len(images)])
    case("saturation", "away from grey", lambda image, factor: held(grey(image) + factor * (image - grey(image))),
         colour, factor=[0.0, 0.5, 1.0, 1.3, 2.0, 0.9])
    case("hue", "colorsys", hued, colour, turns=[0.0, 0.5, -0.5, 0.1, -0.27, 1 / 3])
    statistics = numpy.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[:, :, None, None]
    case("normalize", "ImageNet", lambda image: (image - statistics[0]) / statistics[1], colour)

    order = random.permutation(42)
    case_of_bytes("permute", "pixel i is pixel order[i]",
                  lambda image: image.reshape(1, 42)[:, order].reshape(1, 7, 6), digits, order=torch.from_numpy(order))
    case_of_bytes("pad", "to 8 × 9", lambda image: numpy.pad(image, ((0, 0), (0, 1), (1, 2))), digits)
    golden.write(VISION / "golden-transforms.safetensors")
