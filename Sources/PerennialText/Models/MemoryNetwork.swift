import Perennial
import Torch

/// Sizes and ways of a ``MemoryNetwork``.
public struct MemoryNetworkConfiguration: Codable, Equatable, Sendable {
  /// How memories are embedded and queries go from hop to hop.
  public enum Kind: String, Codable, CaseIterable, Sendable {
    /// Sukhbaatar et al. 2015 with adjacent embeddings: a memory is a sentence, addressed by one embedding and read by the
    /// next hop's, with places of words and of sentences.
    case endToEnd = "end-to-end"
    /// Miller et al. 2016: a memory is a key and a value, one embedding for all, and a matrix for each hop.
    case keyValue = "key-value"
  }

  /// Which of the two papers.
  public var kind: Kind
  /// V; word 0 fills up sentences.
  public var vocabularySize: Int
  /// D
  public var width: Int
  public var hops: Int
  /// The most memories, for the places of sentences.
  public var memories: Int
  /// The deviation of the weights at first: the published 0.1.
  public var initializerRange: Double

  public init(
    _ kind: Kind, vocabularySize: Int, width: Int, hops: Int = 3, memories: Int = 50,
    initializerRange: Double = 0.1
  ) {
    (self.kind, self.vocabularySize, self.width) = (kind, vocabularySize, width)
    (self.hops, self.memories, self.initializerRange) = (hops, memories, initializerRange)
  }
}

/// A network that answers a question by looking several times into a list of memories.
///
///     u₁ = φ_B(q),   p_i = softmax_i(u_hᵀ φ_A(key_i)),   o = Σ_i p_i φ_C(value_i),   u_{h+1} = R_h (u_h + o)
///
/// - ``MemoryNetworkConfiguration/Kind/endToEnd`` (Sukhbaatar et al., End-To-End Memory Networks, 2015): keys and values are
///   the same sentences, φ(x)_d = Σ_j l_jd E[x_j]_d with l_jd = (1 − j/J) − (d/D)(1 − 2j/J) over the J words of a sentence,
///   plus a learned vector for the place of a memory, the newest being the first; φ_B is the first hop's φ_A, φ_C that of
///   the next; R = 1.
/// - ``MemoryNetworkConfiguration/Kind/keyValue`` (Miller et al., Key-Value Memory Networks for Directly Reading Documents,
///   2016): φ is a sum of words with one embedding for questions, keys and values.
///
/// Inputs are int64 `[N, 1 + S, W]`: the question, then S memories in the order of time, words 0 at the end of short sentences
/// and in memories that are none. With keys and values of their own, `[N, 1 + 2S, W]`: the question, keys, values. Features
/// are u behind the last hop `[N, D]`.
public final class MemoryNetwork: Module, Backbone {
  public let configuration: MemoryNetworkConfiguration
  public var featureCount: Int { configuration.width }
  public let stages: [Stage] = []
  public let taps: [Tap]
  /// Tables `[V, D]`: one a hop and one behind the last, or one for all.
  private let embeddings: [Embedding]
  /// Vectors of the places of memories `[S, D]`, one for each table.
  private let places: [Embedding]
  private let hops: [Linear]

  /// A network with fresh weights.
  ///
  /// - Throws: `TorchError` (`shape`) for sizes of which there is nothing to make.
  public init(_ configuration: MemoryNetworkConfiguration, _ generator: Generator) throws {
    let c = configuration
    guard c.vocabularySize > 1, c.width > 0, c.hops > 0, c.memories > 0 else {
      throw TorchError(
        .shape,
        "a memory network needs words, width, hops and memories; found \(c.vocabularySize), \(c.width), "
          + "\(c.hops) and \(c.memories)")
    }
    self.configuration = c
    let isAdjacent = c.kind == .endToEnd
    embeddings = try (0...(isAdjacent ? c.hops : 0)).map { _ in
      try .normal(c.vocabularySize, c.width, padding: 0, deviation: c.initializerRange, generator)
    }
    places = try (isAdjacent ? Array(0...c.hops) : []).map { _ in
      try .normal(c.memories, c.width, deviation: c.initializerRange, generator)
    }
    hops = try (isAdjacent ? 0..<0 : 0..<c.hops).map { _ in
      try .normal(c.width, c.width, bias: false, deviation: c.initializerRange, generator)
    }
    taps = (0..<c.hops).map { Tap("attentions.\($0)") }
    super.init()
    for (index, table) in embeddings.enumerated() { register("embeddings.\(index)", table) }
    for (index, table) in places.enumerated() { register("places.\(index)", table) }
    for (index, hop) in hops.enumerated() { register("hops.\(index)", hop) }
  }

  public func callAsFunction(_ inputs: Tensor) throws -> Tensor {
    let (question, keys, values) = try parts(inputs.to(.int64))
    // A memory without words takes no part.
    let isNone = try (keys .!= 0).to(.float32).sum([2]) .== 0
    var u = try sentence(question, 0)
    for hop in 0..<configuration.hops {
      let next = configuration.kind == .endToEnd ? hop + 1 : 0
      let scores = try memory(keys, hop).matmul(u.unsqueeze(2)).squeeze(2).maskedFill(isNone, -1e30)
      let attention = taps[hop](try scores.softmax())
      let read = try attention.unsqueeze(1).matmul(memory(values, next)).squeeze(1)
      u = try u + read
      if configuration.kind == .keyValue { u = try hops[hop](u) }
    }
    return u
  }

  private func parts(_ inputs: Tensor) throws -> (question: Tensor, keys: Tensor, values: Tensor) {
    guard inputs.rank == 3, inputs.shape[1] > 1 else {
      throw TorchError(.shape, "a memory network takes `[N, 1 + S, W]`, not \(inputs.shape)")
    }
    let rows = inputs.shape[1] - 1
    let isPaired = configuration.kind == .keyValue
    guard !isPaired || rows % 2 == 0 else {
      throw TorchError(.shape, "\(rows) sentences are not as many keys as values")
    }
    let count = isPaired ? rows / 2 : rows
    guard count <= configuration.memories else {
      throw TorchError(.shape, "\(count) memories are more than \(configuration.memories)")
    }
    let keys = try inputs.narrow(dim: 1, start: 1, count: count)
    return (
      try inputs.select(0, dim: 1), keys,
      isPaired ? try inputs.narrow(dim: 1, start: 1 + count, count: count) : keys
    )
  }

  /// Vectors `[…, D]` of sentences `[…, W]` by table `index`.
  private func sentence(_ words: Tensor, _ index: Int) throws -> Tensor {
    let table = configuration.kind == .endToEnd ? index : 0
    let vectors = try embeddings[table](words) * (words .!= 0).unsqueeze(-1).to(.float32)
    guard configuration.kind == .endToEnd else { return try vectors.sum([-2]) }
    return try (vectors * wordPlaces(words)).sum([-2])
  }

  /// Memories `[N, S, D]` by table `index`, with the vectors of their places: the newest is the first.
  private func memory(_ sentences: Tensor, _ index: Int) throws -> Tensor {
    let vectors = try sentence(sentences, index)
    guard configuration.kind == .endToEnd else { return vectors }
    let isThere = try ((sentences .!= 0).to(.float32).sum([2]) .> 0).to(.int64)
    // How many memories are newer.
    let newer = try isThere.sum([1], keepDims: true) - isThere.cumulativeSum(1)
    return try vectors + places[index](newer.clamp(min: 0).to(.int64)) * isThere.unsqueeze(2).to(.float32)
  }

  /// l `[…, W, D]` for the words of each sentence.
  private func wordPlaces(_ words: Tensor) throws -> Tensor {
    let (length, width) = (words.shape[words.rank - 1], configuration.width)
    let counts = try (words .!= 0).to(.float32).sum([-1], keepDims: true).clamp(min: 1).unsqueeze(-1)
    let j = try Tensor.arange(1, length + 1, device: words.device).to(.float32).unsqueeze(1) / counts
    let d = try Tensor.arange(1, width + 1, device: words.device).to(.float32) / Double(width)
    return try (1 - j) - d * (1 - j * 2)
  }
}
