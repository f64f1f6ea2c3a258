import PerennialText
import Torch

extension GraphBuilder {
  /// An element-wise function of the library.
  public func activation(_ function: Activation.Function, _ x: GraphValue) throws -> GraphValue {
    switch function {
    case .identity: x
    case .relu: node("Relu", x)
    case .gelu: try gelu(x)
    case .silu: multiply(x, node("Sigmoid", x))
    case .sigmoid: node("Sigmoid", x)
    case .tanh: node("Tanh", x)
    case .elu: node("Elu", x, attributes: ["alpha": .number(1)])
    case .softplus: node("Softplus", x)
    case .mish: multiply(x, node("Tanh", node("Softplus", x)))
    case .leakyReLU: node("LeakyRelu", x, attributes: ["alpha": .number(0.01)])
    }
  }

  /// An element-wise function of `transformers`.
  func activation(_ function: ActivationName, _ x: GraphValue) throws -> GraphValue {
    switch function {
    case .gelu: try gelu(x)
    case .geluNew, .geluTanh, .geluFast: try geluTanh(x)
    case .relu: node("Relu", x)
    case .silu, .swish: multiply(x, node("Sigmoid", x))
    case .tanh: node("Tanh", x)
    case .linear: x
    }
  }

  /// x Φ(x) (Hendrycks & Gimpel 2016).
  private func gelu(_ x: GraphValue) throws -> GraphValue {
    let sign = node("Erf", try scale(x, by: 0.5.squareRoot()))
    return multiply(try scale(x, by: 0.5), add(sign, try scalar(1)))
  }

  /// The same with tanh in place of the error function.
  private func geluTanh(_ x: GraphValue) throws -> GraphValue {
    let cube = multiply(multiply(x, x), x)
    let inner = add(x, try scale(cube, by: 0.044715))
    let sign = node("Tanh", try scale(inner, by: (2 / Double.pi).squareRoot()))
    return multiply(try scale(x, by: 0.5), add(sign, try scalar(1)))
  }
}
