/// The height and width to which pictures are brought.
public struct ImageSize: Equatable, Sendable {
  /// Rows of pixels.
  public let height: Int

  /// Columns of pixels.
  public let width: Int

  /// A size of the given sides.
  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  /// A square.
  public init(_ side: Int) { self.init(height: side, width: side) }
}
