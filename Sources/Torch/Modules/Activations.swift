/// An element-wise function as a layer.
public final class Activation: Module, Layer {
  /// The functions a recipe can name.
  public enum Function: String, Sendable, CaseIterable, Codable {
    case identity, relu, gelu, silu, sigmoid, tanh, elu, softplus, mish
    case leakyReLU = "leaky-relu"

    /// Applies the function to every element.
    public func callAsFunction(_ x: Tensor) throws -> Tensor {
      switch self {
      case .identity: x
      case .relu: try x.relu()
      case .gelu: try x.gelu()
      case .silu: try x.silu()
      case .sigmoid: try x.sigmoid()
      case .tanh: try x.tanh()
      case .elu: try x.elu()
      case .softplus: try x.softplus()
      case .mish: try x.mish()
      case .leakyReLU: try x.leakyReLU()
      }
    }
  }

  /// The function that is applied.
  public let function: Function

  public init(_ function: Function) {
    self.function = function
    super.init()
  }

  /// Any shape; the same comes out.
  public func callAsFunction(_ input: Tensor) throws -> Tensor { try function(input) }
}

/// Drops elements with `probability` in training, scaling the others (Srivastava et al. 2014).
public final class Dropout: Module, Layer {
  public let probability: Double
  private let generator: Generator

  /// - Parameter generator: the random stream that masks are drawn from.
  public init(_ probability: Double, _ generator: Generator) {
    self.probability = probability
    self.generator = generator
    super.init()
  }

  /// Any shape; the input itself in evaluation.
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    isTraining && probability > 0 ? try input.dropout(probability, generator) : input
  }
}

/// Pooling of `[N, C, H, W]`.
public final class Pool2d: Module, Layer {
  /// What a window gives.
  public enum Kind: String, Sendable { case max, average }

  /// What a window gives, its size, the step to the next, and the border added around the image.
  public let kind: Kind
  public let kernel: Int
  public let stride: Int
  public let padding: Int

  public init(_ kind: Kind, kernel: Int, stride: Int? = nil, padding: Int = 0) {
    self.kind = kind
    self.kernel = kernel
    self.stride = stride ?? kernel
    self.padding = padding
    super.init()
  }

  /// `[N, C, H, W]` → `[N, C, H', W']`
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    let (k, s, p) = ([kernel, kernel], [stride, stride], [padding, padding])
    return kind == .max
      ? try input.maxPool2d(k, stride: s, padding: p) : try input.avgPool2d(k, stride: s, padding: p)
  }
}

/// The mean of each channel: `[N, C, H, W]` → `[N, C]`.
public final class GlobalAveragePool: Module, Layer {
  public func callAsFunction(_ input: Tensor) throws -> Tensor { try input.mean([2, 3]) }
}

/// `[N, …]` → `[N, product]`
public final class Flatten: Module, Layer {
  public func callAsFunction(_ input: Tensor) throws -> Tensor { try input.flatten(from: 1) }
}
