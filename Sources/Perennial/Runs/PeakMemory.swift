import Foundation

/// The largest resident memory of this process since it was last asked to forget.
public enum PeakMemory {
  /// Starts again from the memory in use now (Linux; elsewhere the peak is that of the whole process).
  public static func reset() {
    try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))
  }

  /// Bytes.
  public static var bytes: Int {
    if let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
      let kilobytes = line.split(whereSeparator: { !$0.isNumber }).first.flatMap({ Int($0) })
    {
      return kilobytes * 1024
    }
    #if os(Linux)
      return 0
    #else
      var usage = rusage()
      getrusage(RUSAGE_SELF, &usage)
      return usage.ru_maxrss
    #endif
  }
}
