import Foundation
import Testing

/// Files that NumPy and Python wrote; see Scripts/golden/data.py.
enum NumPyFixtures {
  static func url(_ name: String) throws -> URL {
    try #require(Bundle.module.resourceURL).appendingPathComponent("Golden/numpy/\(name)")
  }

  static func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: url(name))) }
}
