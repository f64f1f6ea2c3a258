import Foundation
import PerennialLife
import Torch

extension Symptoms {
  /// Looks at this machine.
  ///
  /// - Parameter out: The folder that takes runs.
  static func ofThisMachine(out: String) -> Symptoms {
    Symptoms(
      isDebugBuild: Runtime.isDebugBuild, swift: firstLine("swift", "--version"),
      compiler: firstLine("c++", "--version"), torchVersion: Runtime.version,
      torchPath: loadedLibrary("libtorch_cpu"),
      torchConfiguration: Runtime.configuration, hasOneDNN: Runtime.hasOneDNN, processor: processorName,
      cores: ProcessInfo.processInfo.activeProcessorCount, threads: Runtime.threads,
      loopThreads: Runtime.loopThreads, load: load,
      hasWaitPolicy: WaitPolicy.isDecided,
      cudaDevices: Runtime.cudaDeviceCount, out: out, outProblem: writeProblem(out), freeBytes: freeBytes(out)
    )
  }

  private static func firstLine(_ arguments: String...) -> String? {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil, let data = try? output.fileHandleForReading.readToEnd() else {
      return nil
    }
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { return nil }
    return String(decoding: data, as: UTF8.self).split(separator: "\n").first.map(String.init)
  }

  /// The folder of a library that this process has loaded, where the system tells.
  private static func loadedLibrary(_ name: String) -> String? {
    // The system makes this file up and gives it no size: only reading to its end gets all of it.
    guard let maps = try? FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/self/maps")).readToEnd()
    else {
      return nil
    }
    let line = String(decoding: maps, as: UTF8.self).split(separator: "\n").first { $0.contains("/\(name).") }
    return line.flatMap { line in line.firstIndex(of: "/").map { String(line[$0...]) } }
      .map { URL(fileURLWithPath: $0).deletingLastPathComponent().path }
  }

  private static var load: Double? {
    var averages = [0.0]
    return getloadavg(&averages, 1) == 1 ? averages[0] : nil
  }

  private static var processorName: String {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
    let name = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last
    return name.map { $0.trimmingCharacters(in: .whitespaces) } ?? ""
  }

  /// Tries what a run does first: make the folder and a file in it. Leaves nothing behind.
  static func writeProblem(_ out: String) -> String? {
    let files = FileManager.default
    let url = URL(fileURLWithPath: out)
    let isNew = !files.fileExists(atPath: url.path)
    let probe = url.appendingPathComponent(".perennial-\(UUID().uuidString)")
    defer {
      try? files.removeItem(at: probe)
      if isNew { rmdir(url.path) }
    }
    do {
      try files.createDirectory(at: url, withIntermediateDirectories: true)
      try Data("probe".utf8).write(to: probe)
      return nil
    } catch {
      return "\(out) cannot be written: \(error.localizedDescription)"
    }
  }

  private static func freeBytes(_ out: String) -> Int? {
    var url = URL(fileURLWithPath: out).standardizedFileURL
    while !FileManager.default.fileExists(atPath: url.path), url.path != "/" { url.deleteLastPathComponent() }
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: url.path)
    return (attributes?[.systemFreeSize] as? NSNumber)?.intValue
  }
}
