import Torch

@testable import Perennial

/// A backbone that reads tokens: embeddings, one head of attention, a mean. Prompts can stand in front.
final class TinyReader: Module, Backbone, Promptable {
  let featureCount = 12
  let tokenTable: Parameter
  var promptSource: (any PromptSource)?
  private let query, key, value, mix: Linear

  init(vocabulary: Int = 16, _ generator: Generator) throws {
    let table = try Embedding(vocabulary, 12, generator)
    tokenTable = table.weight
    query = try Linear(12, 12, generator)
    key = try Linear(12, 12, generator)
    value = try Linear(12, 12, generator)
    mix = try Linear(12, 12, generator)
    super.init()
    register("table", table)
    for (name, layer) in [("query", query), ("key", key), ("value", value), ("mix", mix)] {
      register(name, layer)
    }
  }

  var promptShape: PromptShape { PromptShape(width: 12, layers: 1, groups: 1, headWidth: 12) }

  func callAsFunction(_ ids: Tensor) throws -> Tensor {
    let own = try tokenTable.value.embedding(ids)
    var (x, lead, prefix) = (own, 0, [Tensor]())
    switch try promptSource?(ids) {
    case .embeddings(let rows)?:
      lead = rows.shape[1]
      x = try Tensor.concatenate([rows.expand([ids.shape[0], lead, 12]), own], dim: 1)
    case .prefix(let rows)?:
      prefix = try (0..<2).map { try rows[0][$0].squeeze(1).expand([ids.shape[0], rows.shape[4], 12]) }
    case nil: break
    }
    var (keys, values) = (try key(x), try value(x))
    if prefix.count == 2 {
      keys = try Tensor.concatenate([prefix[0], keys], dim: 1)
      values = try Tensor.concatenate([prefix[1], values], dim: 1)
    }
    let mixed = try mix((query(x).matmul(keys.T) * 0.3).softmax().matmul(values)) + x
    let isReadOut = lead > 0 && promptSource?.isReadOut == true
    return try mixed.narrow(
      dim: 1, start: isReadOut ? 0 : lead, count: isReadOut ? lead : ids.shape[1]
    ).mean([1])
  }
}

extension TinyReader: TransformerBlock {
  var attentionOutput: any AdaptableLayer { mix }
  var perceptronOutput: any AdaptableLayer { value }
}

extension Blueprint {
  static func tinyReader() -> Blueprint {
    Blueprint { random in
      Network(
        try TinyReader(random.stream("initialization")),
        head: try LinearHead(features: 12, random.stream("head")))
    }
  }
}

extension DataSource {
  /// Eight values a row as eight tokens.
  func asTokens() throws -> DataSource {
    func tokens(_ examples: Examples) throws -> Examples {
      try Examples(
        inputs: (examples.inputs * 2 + 8).round().clamp(min: 0, max: 15).to(.int64),
        targets: examples.targets, identifiers: examples.identifiers)
    }
    return try DataSource(
      name: "tokens", train: tokens(train), test: tokens(test), pipeline: InputPipeline())
  }
}
