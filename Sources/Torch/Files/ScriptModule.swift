import CTorch
import Foundation

/// A TorchScript file (`torch.jit.save`): a network that brings its own program, from one tensor to one tensor.
///
/// It is in evaluation mode and nothing in it learns; gradients reach its input.
public final class ScriptModule {
  private let handle: ct_script
  private let dtype: DType
  private let device: Device

  /// - Parameter dtype: of the weights and of what is computed with them.
  /// - Throws: `FileError` for a file that is missing, damaged or of another kind.
  public init(contentsOf url: URL, dtype: DType = .float32, device: Device = .cpu) throws {
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw FileError(.missing, url.path, "no such file")
    }
    var result: ct_script?
    guard ct_script_load(url.path, device.description, dtype.rawValue, &result) == 0, let result else {
      throw FileError(
        .corrupt, url.path, "no TorchScript module can be read: \(Self.reason(TorchError.last))")
    }
    handle = result
    self.dtype = dtype
    self.device = device
  }

  deinit { ct_script_free(handle) }

  /// The answer to a float32 input, in float32.
  ///
  /// - Throws: `TorchError` for an input that the program does not take, or an answer that is no tensor.
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    let input = try input.to(device).to(dtype)
    do {
      return try withExtendedLifetime((self, input)) {
        try Tensor.make { ct_script_forward(handle, input.handle, $0) }
      }.to(.float32)
    } catch let error as TorchError {
      throw TorchError(error.kind, Self.reason(error))
    }
  }

  /// The sentence at the end of the interpreter's report.
  private static func reason(_ error: TorchError) -> String {
    let lines = error.message.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    return lines.last { !$0.isEmpty } ?? error.message
  }
}
