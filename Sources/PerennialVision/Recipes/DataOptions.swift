import Foundation
import Perennial
import Torch

/// Options of a named image set: `mnist`, or `{mnist: {normalize: true, limit: 1000}}`.
struct ImageDataOptions: Configurable {
  var normalize = ImageDataset.Scale.pixels
  /// Black border up to this height and width.
  var pad: Int?
  /// The first so many training images of each class; all when nil.
  var limit: Int?

  func validate(at node: ConfigurationNode) throws {
    try node.require("pad", pad, atLeast: 1)
    try node.require("limit", limit, atLeast: 1)
  }
}

/// Options of `folder`: one folder of PNG or JPEG images a class, with or without `train` and `test` above.
struct FolderOptions: Configurable {
  /// The folder, below the data root unless absolute.
  var path = ""
  var normalize = ImageDataset.Scale.pixels
  /// Height and width that every image is brought to; nil refuses images that differ.
  var size: Int?

  func validate(at node: ConfigurationNode) throws {
    try node.require("size", size, atLeast: 1)
    guard !path.isEmpty else { throw node.error("missing key `path`: the folder of images") }
  }
}

/// Options of `npz`: arrays `train_images`, `train_labels`, `test_images`, `test_labels`.
struct NpzOptions: Configurable {
  /// The file, below the data root unless absolute.
  var path = ""
  var normalize = ImageDataset.Scale.pixels

  func validate(at node: ConfigurationNode) throws {
    guard !path.isEmpty else { throw node.error("missing key `path`: the .npz file") }
  }
}

/// Options of `csv`: rows of numbers with a class or a value each.
struct TableOptions: Configurable {
  /// The file, below the data root unless absolute.
  var path = ""
  /// The column of the label, by name or by place counted from 0; the last one when nil.
  var label: String?
  var header = true
  /// Whether the label is a value to be told rather than a class.
  var regression = false

  func validate(at node: ConfigurationNode) throws {
    guard !path.isEmpty else { throw node.error("missing key `path`: the CSV file") }
  }
}

/// Options of `elec2`: electricity prices of New South Wales, every half hour (Harries 1999).
struct ElectricityOptions: Configurable {
  enum Target: String, Codable, CaseIterable {
    /// Whether the price is above its mean over the last day.
    case `class`
    /// The price, or demand, half an hour later: `objective: regression`.
    case price, demand
  }

  var target = Target.class
  /// One of so many rows tests, and is not learned.
  var testEvery = 10

  func validate(at node: ConfigurationNode) throws { try node.require("test_every", testEvery, atLeast: 2) }
}

/// Options of `noaa-weather`: the days of 50 years (Elwell & Polikar 2011).
struct WeatherOptions: Configurable {
  enum Target: String, Codable, CaseIterable {
    /// Whether it rained.
    case rain
    /// The temperature of the next day: `objective: regression`.
    case temperature
  }

  var target = Target.rain
  /// One of so many rows tests, and is not learned.
  var testEvery = 10

  func validate(at node: ConfigurationNode) throws { try node.require("test_every", testEvery, atLeast: 2) }
}

/// Options of `fsdd`: the Free Spoken Digit Dataset as spectrograms.
struct SpokenDigitOptions: Configurable {
  /// Whose recordings test; those of all others train.
  var testSpeaker = "theo"
  /// Height and width of the spectrograms.
  var bands = 32
  var frames = 48

  func validate(at node: ConfigurationNode) throws {
    try node.require("bands", bands, in: 1...64)
    try node.require("frames", frames, atLeast: 1)
  }
}

/// Options of a scenario: `domain`, or `{domain: {transform: permute}}`.
struct ScenarioOptions: Configurable {
  /// What makes a domain of every experience.
  enum Transform: String, Codable, CaseIterable {
    /// The pixels in another order, the first experience's included.
    case permute
    /// Turned by angles from 0 to below `degrees`.
    case rotate
  }

  /// How the angles of rotations come about.
  enum Angles: String, Codable, CaseIterable {
    /// In equal steps, the first experience upright.
    case even
    /// Drawn for every experience, by the run's seed.
    case random
  }

  /// Nil splits by class.
  var transform: Transform?
  /// The range of rotations.
  var degrees = 180.0
  var angles = Angles.even

  func validate(at node: ConfigurationNode) throws {
    guard degrees.isFinite else { throw node.error(at: "degrees", "must be a number") }
  }
}
