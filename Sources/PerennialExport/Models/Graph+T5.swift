import PerennialText
import Torch

/// The two halves of an encoder-decoder: the source is read once, the target is written token by token.
extension Graph {
  private static let source = Axis.named("source")

  /// The encoder of a T5: `input_ids` and `attention_mask` to `last_hidden_state` `[N, L, D]`.
  ///
  /// - Parameter hasCache: whether what the decoder's blocks need of that comes along, as `present.0.encoder.key` …
  ///   `[N, heads, L, d]`, so that it is computed once and not for every token.
  /// - Throws: ``ExportError`` with the path of a part that cannot be exported.
  public init(encoderOf model: T5, hasCache: Bool = false) throws {
    let builder = GraphBuilder("\(type(of: model))", of: model)
    try builder.refusePrompts(model)
    let hidden = try model.emit(into: builder, builder.tokens(length: Name.length))
    builder.output(hidden, Name.hidden, .float32, [Name.batch, Name.length, .size(model.width)])
    if hasCache {
      try builder.present(
        model.emitOthers(into: builder, hidden), model.cacheSizes, Name.encoderPart, Name.length)
    }
    self = builder.graph
  }

  /// The decoder of a T5: `input_ids` of the target, the start token first, its `attention_mask`,
  /// `encoder_hidden_states` and `encoder_attention_mask` to `logits` `[N, L, V]`.
  ///
  /// - Parameter hasCache: whether `past_key_values.0.encoder.key` … of the encoder's graph come in place of
  ///   `encoder_hidden_states`, and keys and values of P earlier tokens as `past_key_values.0.decoder.key` …
  ///   `[N, heads, P, d]`, which go out with the new ones as `present.0.decoder.key` …; the mask of the target then has
  ///   P + L columns.
  /// - Throws: ``ExportError`` with the path of a part that cannot be exported.
  public init(decoderOf model: T5, hasCache: Bool = false) throws {
    let builder = GraphBuilder("\(type(of: model))", of: model)
    try builder.refusePrompts(model)
    let target = builder.tokens(length: hasCache ? Name.total : Name.length)
    let mask = builder.input(Name.encoderMask, .int64, [Name.batch, Self.source])
    let sizes = model.cacheSizes
    var cache: GraphCache?
    let others: [GraphKeys]
    if hasCache {
      cache = GraphCache(builder, past: builder.past(sizes, Name.decoderPart, Name.past))
      others = builder.past(sizes, Name.encoderPart, Self.source)
    } else {
      let encoded = builder.input(
        Name.encoded, .float32, [Name.batch, Self.source, .size(model.width)])
      others = try model.emitOthers(into: builder, encoded)
    }
    let scores = try model.emitScores(
      into: builder, target, of: GraphSource(others: others, mask: mask), cache: cache)
    builder.output(
      scores, Name.logits, .float32, [Name.batch, Name.length, .size(model.vocabularySize)])
    if let cache { builder.present(cache.present, sizes, Name.decoderPart, Name.total) }
    self = builder.graph
  }
}

extension Graph.Name {
  static let encoded = "encoder_hidden_states"
  static let encoderMask = "encoder_attention_mask"
  static let encoderPart = "encoder."
  static let decoderPart = "decoder."
}

extension T5 {
  var cacheSizes: CacheSizes {
    (configuration.decoderLayers, configuration.heads, configuration.headWidth)
  }
}
