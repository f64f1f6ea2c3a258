import Foundation
import Testing
import Torch

@Suite("Names of types and devices, and the run time")
struct RuntimeTests {
  @Test("every type has the size that libtorch gives it", arguments: DType.allCases)
  func dtype(_ dtype: DType) throws {
    let tensor = try Tensor.zeros([3], dtype: dtype)
    #expect(tensor.dtype == dtype)
    #expect(tensor.byteCount == 3 * dtype.byteCount)
    #expect(try tensor.data().count == tensor.byteCount)
    let trackable = (try? tensor.setRequiresGrad(true)) != nil
    #expect(trackable == dtype.isFloatingPoint)
  }

  @Test(
    "device names",
    arguments: [("cpu", Device.cpu), ("cuda", .cuda(0)), ("cuda:0", .cuda(0)), ("cuda:12", .cuda(12))])
  func device(_ name: String, _ device: Device) throws {
    #expect(Device(name) == device)
    #expect(Device(device.description) == device)
  }

  @Test(
    "what is no device name",
    arguments: ["", "CPU", "gpu", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "cuda:1:2", " cpu"])
  func noDevice(_ name: String) { #expect(Device(name) == nil) }

  @Test("libtorch says what it is")
  func facts() throws {
    #expect(Runtime.version.split(separator: ".").count == 3)
    #expect(Runtime.configuration.contains("ATen"))
    #expect(Runtime.threads >= 1)
    #expect(Runtime.cudaDeviceCount >= 0)
    try Runtime.synchronize()
  }

  #if os(Linux)
    /// `at::parallel_for`, compiled by Clang, is a plain loop: kernels that called it ran on one thread.
    @Test("loops of our own run on libtorch's threads")
    func loopThreads() { #expect(Runtime.loopThreads == Runtime.threads) }

    @Test("tensors are freed: a loop over 2 GB stays small")
    func memory() throws {
      let before = try residentBytes()
      let weight = try Tensor.ones([1024, 1024])
      try weight.setRequiresGrad(true)
      for step in 0..<250 {
        let product = try (weight * Double(step)).relu()
        let parts = try product.chunk(2)
        if step % 10 == 0 { _ = try gradients(of: parts[0].sum(), withRespectTo: [weight]) }
        #expect(throws: TorchError.self) { try product.view([7]) }
      }
      #expect(try residentBytes() - before < 400 << 20)
    }

    private func residentBytes() throws -> Int {
      let pages = try kernelFile("/proc/self/statm").split(separator: " ").dropFirst().first.flatMap {
        Int($0)
      }
      return try #require(pages) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
  #endif
}
