import Foundation

/// What a result was measured on.
public enum Machine {
  /// The processor's name and the number of its cores, such as "AMD EPYC 7763 (2 cores)".
  public static var processor: String {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    return "\(model ?? "unknown processor") (\(cores) \(cores == 1 ? "core" : "cores"))"
  }

  private static var model: String? {
    #if os(Linux)
      guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8),
        let line = text.split(separator: "\n").first(where: { $0.hasPrefix("model name") })
      else { return nil }
      return line.split(separator: ":", maxSplits: 1).last.map { $0.trimmingCharacters(in: .whitespaces) }
    #else
      var size = 0
      sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
      var name = [CChar](repeating: 0, count: max(size, 1))
      sysctlbyname("machdep.cpu.brand_string", &name, &size, nil, 0)
      return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    #endif
  }
}
