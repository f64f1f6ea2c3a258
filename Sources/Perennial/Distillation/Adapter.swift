import Torch

/// Brings a student's values to the shape of the teacher's, so that the two can be compared.
///
/// Widths are changed by a linear map, which on maps is a 1×1 convolution; heights and widths of maps by adaptive average
/// pooling where the student's is larger, and by bilinear interpolation where it is smaller. A map becomes a vector by the
/// mean over its positions. What is equal already stays as it is.
public final class Adapter: Module, Layer {
  /// What changes the width.
  public enum Style: String, CaseIterable, Codable, Sendable {
    /// A linear map with bias, nothing where the widths are equal.
    case linear
    /// A linear map and batch normalisation, whatever the widths.
    case batchNorm = "batch-norm"
    /// The same and a ReLU.
    case batchNormReLU = "batch-norm-relu"
  }

  private let map: (any Layer)?
  private let norm: BatchNorm?
  private let style: Style
  /// The teacher's height and width; nil where it gives no maps.
  private let size: [Int]?
  private let becomesVector: Bool

  /// - Throws: `DistillationError.shapes` unless vectors `[N, D]`, sequences `[N, L, D]` of one length or maps
  ///   `[N, C, H, W]` meet their like, or maps meet vectors.
  public init(_ shapes: TapShapes, style: Style = .linear, _ generator: Generator) throws {
    let (student, teacher) = (shapes.student, shapes.teacher)
    switch (student.count, teacher.count) {
    case (2, 2), (4, 4), (4, 2): break
    case (3, 3) where student[1] == teacher[1]: break
    default:
      throw shapes.refused(
        "an adapter takes vectors [N, D] to vectors, sequences [N, L, D] to sequences of the same length, "
          + "and maps [N, C, H, W] to maps or vectors")
    }
    let (isMap, isSequence) = (teacher.count == 4, teacher.count == 3)
    let widths = isSequence ? (student[2], teacher[2]) : (student[1], teacher[1])
    self.style = style
    size = isMap ? Array(teacher[2...]) : nil
    becomesVector = student.count == 4 && teacher.count == 2
    let isPlain = style == .linear
    if isPlain, widths.0 == widths.1 {
      map = nil
    } else if isMap {
      map = try Conv2d(widths.0, widths.1, kernel: 1, bias: isPlain, generator)
    } else {
      map = try Linear(widths.0, widths.1, bias: isPlain, generator)
    }
    norm = isPlain ? nil : try BatchNorm(widths.1)
    super.init()
    if let map { register("map", map) }
    if let norm { register("norm", norm) }
  }

  /// The student's value in the shape of the teacher's.
  public func callAsFunction(_ value: Tensor) throws -> Tensor {
    var x = becomesVector ? try value.mean([2, 3]) : value
    // The product runs on the smaller of the two sizes.
    if let size, x.shape[2] * x.shape[3] > size[0] * size[1] { x = try Adapter.resized(x, to: size) }
    if let map { x = try map(x) }
    if let norm { x = try x.rank == 3 ? norm(x.flatten(from: 0, to: 1)).reshape(x.shape) : norm(x) }
    if style == .batchNormReLU { x = try x.relu() }
    return try size.map { try Adapter.resized(x, to: $0) } ?? x
  }

  /// Maps `[N, C, H, W]` at another `[H, W]`: averaged where neither side grows, else interpolated.
  public static func resized(_ map: Tensor, to size: [Int]) throws -> Tensor {
    let own = Array(map.shape[2...])
    guard own != size else { return map }
    return size[0] <= own[0] && size[1] <= own[1]
      ? try map.adaptiveAvgPool2d(size) : try map.resizedBilinear(size)
  }

  /// Two maps at the smaller height and the smaller width of both, averaged.
  public static func commonSize(_ a: Tensor, _ b: Tensor) throws -> (Tensor, Tensor) {
    let size = [min(a.shape[2], b.shape[2]), min(a.shape[3], b.shape[3])]
    return (try resized(a, to: size), try resized(b, to: size))
  }
}
