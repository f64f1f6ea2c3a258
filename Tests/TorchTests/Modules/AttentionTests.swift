import Testing
import Torch

@Suite("Attention")
struct AttentionTests {
  /// All cases of the golden file, `attention_cross` included, which only the functional form can answer.
  static let cases = Set(modules + functional + ["attention_cross"])
  static let modules = ["attention", "attention_causal", "attention_padding"]
  static let functional = [
    "scaled_dot_product", "scaled_dot_product_causal", "scaled_dot_product_scale",
    "scaled_dot_product_bool_mask", "scaled_dot_product_float_mask",
  ]

  private func module(_ golden: GoldenCase) throws -> (MultiHeadAttention, [String: Tensor]) {
    let module = try MultiHeadAttention(width: 8, heads: 2, Generator(seed: 7))
    try module.load(golden.all("parameter."))
    for (_, parameter) in module.parameters { try parameter.value.setRequiresGrad(true) }
    return (module, Dictionary(uniqueKeysWithValues: module.parameters.map { ($0.path, $0.parameter.value) }))
  }

  @Test("self-attention", arguments: modules)
  func selfAttention(_ name: String) throws {
    let golden = try Golden("layers")[name]
    let (module, leaves) = try module(golden)
    try golden.track()
    // PyTorch's boolean masks of this module name what is left out; ours names what takes part.
    let mask =
      switch name {
      case "attention_causal": try golden["attn_mask"].logicalNot()
      case "attention_padding": try golden["key_padding_mask"].logicalNot().reshape([2, 1, 1, 5])
      default: Tensor?.none
      }
    try golden.check(try module(golden["input.query"], mask: mask), leaves: leaves, absolute: 1e-5)
    if name == "attention_causal" {
      expectClose(
        try module(golden["input.query"], causal: true), try golden["output"], "causal without a mask")
    }
  }

  @Test("cross-attention from its parts")
  func crossAttention() throws {
    let golden = try Golden("layers")["attention_cross"]
    let (module, leaves) = try module(golden)
    try golden.track()
    let weights = try module.inputWeight.value.chunk(3)
    let biases = try module.inputBias.value.chunk(3)
    let parts = try ["query", "key", "value"].enumerated().map { index, name in
      let input = try golden["input.\(name)"]
      return try input.linear(weights[index], bias: biases[index])
        .reshape([2, input.shape[1], 2, 4]).transpose(1, 2)
    }
    let mixed = try parts[0].attention(keys: parts[1], values: parts[2]).transpose(1, 2).reshape([2, 3, 8])
    try golden.check(try module.output(mixed), leaves: leaves, absolute: 1e-5)
  }

  @Test("scaled dot products", arguments: functional)
  func scaledDotProduct(_ name: String) throws {
    let golden = try Golden("layers")[name]
    try golden.track()
    try golden.check(
      try golden["input.query"].attention(
        keys: golden["input.key"], values: golden["input.value"], mask: golden.tensors["attn_mask"],
        causal: name.hasSuffix("causal"), scale: name.hasSuffix("scale") ? 0.25 : nil),
      absolute: 1e-5)
  }

  @Test("impossible shapes are shape errors")
  func impossible() throws {
    expectError(.shape, "10", "3") { try MultiHeadAttention(width: 10, heads: 3, Generator(seed: 0)) }
    let module = try MultiHeadAttention(width: 4, heads: 2, Generator(seed: 0))
    expectError(.shape, "[2, 4]") { try module(Tensor.zeros([2, 4])) }
    expectError(.shape) { try module(Tensor.zeros([2, 3, 6])) }
  }
}
