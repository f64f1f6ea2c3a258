import Perennial
import Torch

/// An encoder-decoder as a learner trains it: a source and a target, int64 `[N, 2, L]`, to features `[N, L, D]` of the
/// target's places. Paths are the model's own.
///
/// The target stands behind the token that begins it. Columns that are filling in every row cost nothing.
public final class EncoderDecoderBackbone: Module, Backbone {
  public let model: T5
  public var featureCount: Int { model.width }
  public let stages: [Stage] = []
  public var taps: [Tap] { model.taps }

  public init(_ model: T5) {
    self.model = model
    super.init()
    register("", model)
  }

  /// - Throws: `TorchError` (`shape`) for other inputs.
  public func callAsFunction(_ inputs: Tensor) throws -> Tensor {
    guard inputs.rank == 3, inputs.shape[1] == 2 else {
      throw TorchError(.shape, "an encoder-decoder takes source and target [N, 2, L], not \(inputs.shape)")
    }
    let length = inputs.shape[2]
    let source = try used(inputs.select(0, dim: 1).to(.int64))
    let target = try used(inputs.select(1, dim: 1).to(.int64))
    let batch = try TokenBatch(source, padding: model.paddingToken)
    // Filling comes last, where no place that counts can see it.
    let (states, places) = try model.encode(batch)
    let features = try model.decoded(TokenBatch(target), encoded: states, source: places)
    let missing = length - target.shape[1]
    return missing > 0 ? try features.padded([0, 0, 0, missing]) : features
  }

  /// Without the last columns in which every row is filled up; all of them where taps are heard, which have a place for every
  /// column.
  private func used(_ ids: Tensor) throws -> Tensor {
    guard let padding = model.paddingToken, !model.taps.contains(where: \.isHeard) else { return ids }
    let columns = try noGrad { try (ids .!= padding).any(0).to(.int64).nonzero() }
    let last = columns.count > 0 ? Int(try columns.amax([0, 1]).item()) + 1 : 1
    return try ids.narrow(dim: 1, start: 0, count: last)
  }
}

extension T5 {
  /// The sources of rows int64 `[N, 2, L]`, without what fills them up.
  func sources(_ inputs: Tensor) throws -> [[Int]] {
    try inputs.select(0, dim: 1).to(.int64).integers().chunks(of: inputs.shape[2]).map { row in
      let last = row.lastIndex { $0 != paddingToken }
      return last.map { Array(row[row.startIndex...$0]) } ?? [paddingToken ?? 0]
    }
  }
}

extension EncoderDecoderBackbone: TokenWriter {
  public func rewritten(
    _ inputs: Tensor, _ targets: Tensor, as form: WrittenRows, _ generator: Generator
  ) throws -> (inputs: Tensor, targets: Tensor) {
    let (device, length) = (try inputs.device, targets.shape[1])
    var options = GenerationOptions()
    options.sampling = form.temperature.map { GenerationOptions.Sampling(temperature: $0) }
    options.maximumNewTokens = length
    options.seed = UInt64(try Tensor.randomIntegers(0..<Int(Int32.max), [1], generator).itemInt())
    let sources = try model.sources(inputs)
    let rows = try SourceTargetRows(
      zip(sources, model.generate(sources, options)).map { ($0, $1.tokens) }, length: length,
      padding: model.paddingToken ?? 0, start: model.configuration.startToken)
    return (try rows.inputs.to(device), try rows.targets.to(device))
  }
}

extension Network {
  /// An encoder-decoder that learns to write targets for sources.
  public convenience init(_ model: T5) { self.init(EncoderDecoderBackbone(model), head: TokenHead(model)) }

  /// The encoder-decoder inside, where there is one.
  public var encoderDecoder: T5? { (backbone as? EncoderDecoderBackbone)?.model }
}
