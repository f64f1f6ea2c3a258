/// A layer whose input can be changed on its way in, such as rounded to what an 8-bit layer would see.
public protocol InputFiltering: Module, Layer {
  /// Gives what the layer sees in place of its input; nil for the input itself.
  var inputFilter: ((Tensor) throws -> Tensor)? { get set }
}
