import Foundation
import Torch

// Images `[N, C, H, W]` moved by parameters that are given for each image.
extension Tensor {
  /// The windows of `height` × `width` whose upper left corners are at int64 `top` and `left` `[N]`.
  ///
  /// One gather; corners must lie so that the windows are inside.
  func cropped(height: Int, width: Int, top: Tensor, left: Tensor) throws -> Tensor {
    let (n, channels, fullWidth) = (shape[0], shape[1], shape[3])
    let device = try device
    let rows =
      try top.to(device).view([n, 1, 1]) + Tensor.arange(0, height, device: device).view([height, 1])
    let columns = try left.to(device).view([n, 1, 1]) + Tensor.arange(0, width, device: device)
    let places = try (rows * fullWidth + columns).view([n, 1, height * width])
    return try flatten(from: 2).gather(places.expand([n, channels, height * width]), dim: 2)
      .view([n, channels, height, width])
  }

  /// Left and right exchanged in the images that a boolean mask `[N]` names.
  func flippedHorizontally(where mask: Tensor) throws -> Tensor {
    try Tensor.choose(mask.to(device).view([shape[0], 1, 1, 1]), flip([3]), self)
  }

  /// Each image turned counter-clockwise about its centre by float `degrees` `[N]` (or `[1]`, one for all).
  ///
  /// Bilinear, with zeros from outside; as `torchvision.transforms.functional.rotate` with its bilinear mode.
  func rotated(degrees: Tensor) throws -> Tensor {
    let (h, w) = (Double(shape[2]), Double(shape[3]))
    let radians = try degrees.to(device) * (Double.pi / 180)
    let (cosine, sine) = try (radians.cos(), radians.sin())
    let zero = try radians.zerosLike()
    // Rows map output to input coordinates, both scaled to [-1, 1], hence the aspect ratio.
    let map = try Tensor.stack([cosine, sine * (-h / w), zero, sine * (w / h), cosine, zero], dim: 1)
    let grid = try map.view([-1, 2, 3]).affineGrid([radians.count] + shape.dropFirst())
    return try gridSample(grid.expand([shape[0]] + grid.shape.dropFirst()))
  }
}
