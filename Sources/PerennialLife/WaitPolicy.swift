import Foundation

/// How OpenMP's workers wait for work, which libgomp reads once, when it is loaded.
///
/// By default they spin, which is worth a tenth of the time of small steps on a machine that does nothing else. Where a model
/// trains while another answers, or where the machine has other things to do, workers that spin take the cores from those that
/// work: on two busy cores an update took seventeen times as long.
public enum WaitPolicy {
  private static let variable = "OMP_WAIT_POLICY"

  /// Starts this program again with workers that sleep, unless somebody has decided how they wait.
  public static func sleepRatherThanSpin() {
    #if os(Linux)
      let decided = ["GOMP_SPINCOUNT", variable].contains { ProcessInfo.processInfo.environment[$0] != nil }
      guard !decided else { return }
      setenv(variable, "PASSIVE", 1)
      var pointers = CommandLine.arguments.map { strdup($0) }
      pointers.append(nil)
      defer { for pointer in pointers { free(pointer) } }
      // Where this fails, the program runs as it is.
      execv("/proc/self/exe", pointers)
    #endif
  }
}
