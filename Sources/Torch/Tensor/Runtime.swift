import CTorch

/// Facts about the libtorch that is loaded, and its process-wide settings.
public enum Runtime {
  /// The libtorch version, for example `2.13.0`.
  public static var version: String { String(cString: ct_version()) }

  /// How libtorch was built and what it uses: BLAS, oneDNN, instruction sets, threads.
  public static var configuration: String {
    var text = [CChar](repeating: 0, count: 1 << 14)
    guard ct_configuration(&text, text.count) == 0 else { return "" }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Threads that one operation may use.
  public static var threads: Int {
    get { Int(ct_threads()) }
    set { ct_set_threads(Int32(clamping: max(newValue, 1))) }
  }

  /// Threads that our own kernels run on: ``threads``, or 1 beside a libtorch whose OpenMP they cannot speak.
  public static var loopThreads: Int { Int(ct_loop_threads()) }

  /// CUDA devices; looks for `libtorch_cuda` the first time.
  public static var cudaDeviceCount: Int { Int(ct_cuda_device_count()) }

  /// Whether libtorch carries oneDNN.
  public static var hasOneDNN: Bool { ct_has_onednn() }

  /// Waits until the current CUDA device has done all its work; nothing on the CPU.
  public static func synchronize() throws { try check(ct_cuda_synchronize()) }

  /// Keeps freed memory in the process instead of returning it page by page (glibc). Call once, at start.
  public static func keepFreedMemory() { ct_tune_allocator() }

  /// How many multiplications the matrix products and convolutions of `body` take on this thread, attention included;
  /// one multiply-add each, two of what others count as FLOPs.
  ///
  /// - Throws: what `body` throws, and ``TorchError`` inside another count.
  public static func multiplyAdds(_ body: () throws -> Void) throws -> Int {
    try check(ct_count_begin())
    do { try body() } catch {
      _ = ct_count_end()
      throw error
    }
    return Int(ct_count_end())
  }

  /// Whether this library was compiled without optimisation; such a build is several times slower.
  public static var isDebugBuild: Bool {
    #if DEBUG
      true
    #else
      false
    #endif
  }
}
