import Foundation
import Torch

/// The weights of a model folder: `model.safetensors`, or shards with `model.safetensors.index.json`.
enum WeightFiles {
  static let single = "model.safetensors"
  static let index = "model.safetensors.index.json"

  /// All tensors by name, as views of the mapped files.
  ///
  /// - Throws: `FileError` naming what is missing or contradicts the index, `SafetensorsError` for a damaged file.
  static func read(_ folder: URL) throws -> [String: Tensor] {
    let manager = FileManager.default
    let single = folder.appendingPathComponent(Self.single)
    if manager.fileExists(atPath: single.path) { return try Safetensors.read(single, copying: false).tensors }
    let index = folder.appendingPathComponent(Self.index)
    guard manager.fileExists(atPath: index.path) else {
      throw FileError(
        .missing, folder.path, "holds neither \(Self.single) nor \(Self.index); other formats are not read")
    }
    return try readShards(folder, map: weightMap(index), index: index)
  }

  /// Which shard holds which tensor.
  private static func weightMap(_ index: URL) throws -> [String: String] {
    guard case .object(let object) = try JSONValue(contentsOf: index),
      case .object(let map)? = object["weight_map"]
    else { throw FileError(.corrupt, index.path, .entry("weight_map"), "an object is needed") }
    return try Dictionary(
      uniqueKeysWithValues: map.map { name, file in
        guard case .text(let file) = file, !file.isEmpty, !file.hasPrefix("."), !file.contains("/") else {
          throw FileError(.corrupt, index.path, .entry(name), "is not mapped to a file of the folder")
        }
        return (name, file)
      })
  }

  private static func readShards(_ folder: URL, map: [String: String], index: URL) throws -> [String: Tensor]
  {
    let files = Set(map.values).sorted()
    let missing = files.filter {
      !FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path)
    }
    guard missing.isEmpty else {
      throw FileError(.missing, folder.path, "shards are missing: \(missing.joined(separator: ", "))")
    }
    var tensors: [String: Tensor] = [:]
    for file in files {
      let shard = try Safetensors.read(folder.appendingPathComponent(file), copying: false).tensors
      let promised = Set(map.filter { $0.value == file }.keys)
      let absent = promised.subtracting(shard.keys).sorted()
      let surplus = Set(shard.keys).subtracting(promised).sorted()
      guard absent.isEmpty, surplus.isEmpty else {
        let parts = [
          absent.isEmpty ? nil : "lacks \(absent.joined(separator: ", "))",
          surplus.isEmpty ? nil : "also holds \(surplus.joined(separator: ", "))",
        ]
        throw FileError(
          .mismatch, index.path, .entry(file),
          "the shard is not what the index says: it \(parts.compactMap { $0 }.joined(separator: " and "))")
      }
      tensors.merge(shard) { first, _ in first }
    }
    return tensors
  }

  /// Writes tensors into a folder, in one file or in shards of at most `shardBytes`, each tensor in one of them.
  static func write(
    _ tensors: [String: Tensor], to folder: URL, shardBytes: Int, _ put: (Data, URL) throws -> Void
  )
    throws
  {
    var shards: [[String: Tensor]] = [[:]]
    var bytes = 0
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      if bytes > 0, bytes + tensor.byteCount > shardBytes {
        shards.append([:])
        bytes = 0
      }
      shards[shards.count - 1][name] = tensor
      bytes += tensor.byteCount
    }
    guard shards.count > 1 else {
      return try put(
        Safetensors.encode(tensors, metadata: ["format": "pt"]), folder.appendingPathComponent(single))
    }
    var map: [String: JSONValue] = [:]
    for (number, shard) in shards.enumerated() {
      let file = "model-\(padded(number + 1))-of-\(padded(shards.count)).safetensors"
      try put(
        Safetensors.encode(shard, metadata: ["format": "pt"]), folder.appendingPathComponent(file))
      for name in shard.keys { map[name] = .text(file) }
    }
    let total = tensors.values.reduce(0) { $0 + $1.byteCount }
    let index: JSONValue = .object([
      "metadata": .object(["total_size": .integer(total)]), "weight_map": .object(map),
    ])
    try put(index.data(), folder.appendingPathComponent(Self.index))
  }

  private static func padded(_ number: Int) -> String {
    String(repeating: "0", count: Swift.max(5 - "\(number)".count, 0)) + "\(number)"
  }
}
