import CNeighbours
import Foundation
import Torch

/// An approximate index: a navigable graph of keys in half precision (hnswlib; Malkov & Yashunin, Efficient and Robust
/// Approximate Nearest Neighbor Search Using Hierarchical Navigable Small World Graphs, 2018).
///
/// It grows a key at a time and follows from what was written and deleted in which order. What is deleted is found by no
/// search from then on, and its key is overwritten.
public final class NeighbourGraph {
  /// How the graph is built and searched.
  public struct Options: Configurable {
    /// Links of a key in the upper layers, twice as many at the bottom: the paper's M.
    public var links = 16
    /// How widely a new key looks for its links: the paper's efConstruction.
    public var construction = 100
    /// How widely a search looks: the paper's ef. The greater, the more of the nearest are found.
    public var breadth = 100

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      for (key, value, least) in [
        ("links", links, 2), ("construction", construction, 1), ("breadth", breadth, 1),
      ] {
        try node.require(key, value, atLeast: least)
      }
      guard links <= 100 else { throw node.error(at: "links", "must be at most 100") }
    }
  }

  private let graph: OpaquePointer

  /// - Parameter width: the numbers of a key.
  /// - Throws: `MemoryError.graph` when there is no memory for it.
  public init(width: Int, _ options: Options = Options()) throws {
    graph = try Self.made(MemoryError.graph) {
      cn_graph_make(Int64(width), Int64(options.links), Int64(options.construction), $0)
    }
  }

  /// A graph from the bytes of ``saved()``.
  ///
  /// - Throws: `MemoryError.damaged` for bytes that are none, or of keys of another width.
  public init(_ bytes: Tensor, width: Int) throws {
    graph = try bytes.contiguous().withUnsafeMutableBytes { memory in
      try Self.made(MemoryError.damaged) {
        cn_graph_load(
          memory.baseAddress?.assumingMemoryBound(to: UInt8.self), Int64(memory.count), Int64(width), $0)
      }
    }
  }

  deinit { cn_graph_free(graph) }

  /// Keys in the graph.
  public var count: Int { Int(cn_graph_count(graph)) }

  /// Whether the graph has a key under each of these labels.
  func holds(_ labels: [Int]) -> Bool {
    cn_graph_holds(graph, labels.map(Int64.init), Int64(labels.count)) != 0
  }

  /// Adds keys float16 `[N, D]` under labels that are not in use.
  ///
  /// - Parameter threads: more than one build another graph every time.
  public func add(_ keys: Tensor, labels: [Int], threads: Int = 1) throws {
    guard !labels.isEmpty else { return }
    try keys.contiguous().withUnsafeMutableBytes { memory in
      try Self.check {
        cn_graph_add(
          graph, memory.baseAddress?.assumingMemoryBound(to: UInt16.self), labels.map(Int64.init),
          Int64(labels.count), Int32(threads), $0)
      }
    }
  }

  /// Takes keys out by their labels.
  public func remove(_ labels: [Int]) throws {
    guard !labels.isEmpty else { return }
    try Self.check { cn_graph_remove(graph, labels.map(Int64.init), Int64(labels.count), $0) }
  }

  /// The labels of about the `neighbours` nearest keys of each query float32 `[N, D]`, −1 where there are fewer.
  public func search(_ queries: Tensor, neighbours: Int, breadth: Int) throws -> [[Int]] {
    let rows = queries.shape[0]
    var labels = [Int64](repeating: -1, count: rows * neighbours)
    try queries.to(.float32).contiguous().withUnsafeMutableBytes { memory in
      try Self.check {
        cn_graph_search(
          graph, memory.baseAddress?.assumingMemoryBound(to: Float.self), Int64(rows), Int64(neighbours),
          Int64(breadth), Int32(Runtime.threads), &labels, $0)
      }
    }
    return (0..<rows).map { row in labels[(row * neighbours)..<((row + 1) * neighbours)].map(Int.init) }
  }

  /// Everything needed to go on exactly, uint8 `[bytes]`.
  public func saved() throws -> Tensor {
    let bytes = try Tensor.empty([Int(cn_graph_size(graph))], dtype: .uint8)
    try bytes.withUnsafeMutableBytes {
      cn_graph_save(graph, $0.baseAddress?.assumingMemoryBound(to: UInt8.self))
    }
    return bytes
  }

  private static func made(
    _ error: (String) -> MemoryError, _ call: (UnsafeMutablePointer<CChar>?) -> OpaquePointer?
  ) throws -> OpaquePointer {
    var message = [CChar](repeating: 0, count: Int(CN_MESSAGE_LENGTH))
    guard let graph = call(&message) else { throw error(text(message)) }
    return graph
  }

  private static func check(_ call: (UnsafeMutablePointer<CChar>?) -> Int32) throws {
    var message = [CChar](repeating: 0, count: Int(CN_MESSAGE_LENGTH))
    guard call(&message) == 0 else { throw MemoryError.graph(text(message)) }
  }

  private static func text(_ message: [CChar]) -> String {
    String(decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
