import Foundation

/// How OpenMP's workers wait for work, which libgomp reads once, when it is loaded.
///
/// By default they spin, which is worth a tenth to a sixth of the time of small steps on a machine that does nothing else. Where a model
/// trains while another answers, or where the machine has other things to do, workers that spin take the cores from those that
/// work: on two busy cores an update took seventeen times as long.
public enum WaitPolicy {
  private static let variables = ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"]

  /// Whether somebody has decided how workers wait.
  public static var isDecided: Bool {
    variables.contains { ProcessInfo.processInfo.environment[$0] != nil }
  }

  /// Whether workers that spin would take cores from others.
  ///
  /// - Parameter load: how many processes want a core on average, this one left out.
  public static func crowds(load: Double, threads: Int, cores: Int) -> Bool {
    load + Double(threads) > Double(cores) + 0.5
  }

  /// Starts this program again with workers that sleep, unless somebody has decided how they wait. Starting costs some tenths
  /// of a second.
  public static func sleepRatherThanSpin() {
    #if os(Linux)
      // By its own path: a process that begins as `/proc/self/exe` is called `exe`.
      guard !isDecided,
        let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      else { return }
      setenv(variables[0], "PASSIVE", 1)
      var pointers = CommandLine.arguments.map { strdup($0) }
      pointers.append(nil)
      defer { for pointer in pointers { free(pointer) } }
      // Where this fails, the program runs as it is.
      execv(program, pointers)
    #endif
  }

  /// As ``sleepRatherThanSpin()``, where others are at work now.
  public static func sleepBesideOthers() {
    let samples = (0..<4).map { place in
      if place > 0 { usleep(10_000) }
      return othersAtWork()
    }
    if samples.allSatisfy({ $0 > 0 }) { sleepRatherThanSpin() }
  }

  /// How many threads of the machine are at work at this moment, this one left out; 0 where the system does not tell.
  static func othersAtWork() -> Int {
    guard let text = try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8),
      let running = text.split(separator: " ").dropFirst(3).first?.split(separator: "/").first.flatMap({
        Int($0)
      })
    else { return 0 }
    return max(0, running - 1)
  }
}
