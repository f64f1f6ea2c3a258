import Foundation
import Perennial
import Torch

/// Options of `images`: pictures that arrive over time.
struct LiveImageOptions: Configurable {
  /// Height and width that every picture is brought to.
  var size = 32
  /// 1 for grey, 3 for colour.
  var channels = 3
  var normalize = ImageDataset.Scale.pixels

  func validate(at node: ConfigurationNode) throws {
    try node.require("size", size, in: 1...4096)
    guard [1, 3].contains(channels) else {
      throw node.error(at: "channels", "must be 1 or 3, found \(channels)")
    }
    guard normalize != .data else {
      throw node.error(at: "normalize", "what is still to come has no mean: `false` or `imagenet`")
    }
  }
}

/// Pictures that arrive over time: kept as the PNG or JPEG files that they were, brought to one size in rows.
struct LiveImages: LiveVisionInputs {
  static let name = "images"
  private let options: LiveImageOptions
  let modality: VisionModality
  let pipeline: InputPipeline

  init(_ recipe: Recipe, _ modality: VisionModality) throws {
    options = try recipe.stream.data.decode(LiveImageOptions.self)
    self.modality = modality
    let augmentation = try Augmentation(recipe.stream.augment)
    let isColour = options.channels == 3
    let scale: Normalization =
      options.normalize == .imageNet && isColour
      ? .imageNet : .unit(channels: options.channels)
    pipeline = try InputPipeline(
      mean: scale.mean, standardDeviation: scale.deviation,
      augmentations: augmentation.isEmpty ? [] : [augmentation.callAsFunction])
  }

  var shape: [Int] { [options.channels, options.size, options.size] }

  /// One folder a label, with its pictures. What is no picture, or cannot be read, is listed.
  func read(_ url: URL) throws -> InputRecords {
    var records = InputRecords()
    let folders = try url.visibleFolders()
    guard !folders.isEmpty else {
      throw FileError(.empty, url.path, "no folders: pictures are in one folder a label")
    }
    for folder in folders {
      for file in try folder.visibleContents() {
        do {
          let data = try Data(file: file)
          _ = try DecodedImage(data, file: file.path)
          records.inputs.append(
            LabeledInput(payload: data, label: folder.lastPathComponent, origin: file.relativePath))
        } catch {
          records.rejected.append("\(error)")
        }
      }
    }
    return records
  }

  /// Base64 of a PNG or JPEG file.
  func payload(_ text: String) throws -> Data {
    guard let data = Data(base64Encoded: text) else { throw FileError(.format, "the input", "not base64") }
    _ = try DecodedImage(data, file: "the input")
    return data
  }

  func rows(_ payloads: [Data]) throws -> Tensor {
    var pixels: [UInt8] = []
    pixels.reserveCapacity(shape.reduce(payloads.count, *))
    for payload in payloads {
      let image = try DecodedImage(payload, file: "a stored picture")
        .resized(height: options.size, width: options.size)
      pixels += options.channels == 1 ? image.grey : image.planes(3)
    }
    return try pixels.withUnsafeBytes {
      try Tensor(bytes: $0, shape: [payloads.count] + shape, dtype: .uint8)
    }
  }
}

extension DecodedImage {
  /// One plane: the luma of ITU-R BT.601 where the picture has colours.
  var grey: [UInt8] {
    guard channels == 3 else { return pixels }
    return stride(from: 0, to: pixels.count, by: 3).map { place in
      let sum = 299 * Int(pixels[place]) + 587 * Int(pixels[place + 1]) + 114 * Int(pixels[place + 2])
      return UInt8((sum + 500) / 1000)
    }
  }
}
