import Foundation
import Testing

@testable import PerennialCommand

@Suite struct DiagnosisTests {
  private let healthy = Symptoms(
    swift: "Swift 6.3", compiler: "clang 17", torchVersion: "2.13.0+cpu", torchPath: "/lib",
    torchConfiguration: "- Build settings: BLAS_INFO=mkl, BUILD_TYPE=Release", hasOneDNN: true,
    processor: "EPYC", cores: 2, threads: 2, loopThreads: 2, out: "runs", freeBytes: 5_000_000_000)

  private func diagnosis(_ name: String, _ change: (inout Symptoms) -> Void) -> Diagnosis? {
    var symptoms = healthy
    change(&symptoms)
    return Diagnosis.all(symptoms).first { $0.name == name }
  }

  @Test func aHealthyMachineHasNoAdvice() {
    let all = Diagnosis.all(healthy)
    #expect(all.allSatisfy { $0.verdict == .good && $0.advice.isEmpty })
    #expect(
      all.map(\.finding) == [
        "release", "Swift 6.3; clang 17", "2.13.0+cpu from /lib", "cpu (EPYC)", "2 of 2 cores",
        "MKL and oneDNN, whichever is faster for a layer", "runs can be written", "5 GB free in runs",
      ])
  }

  @Test func aDebugBuildIsShouted() {
    let debug = diagnosis("build") { $0.isDebugBuild = true }
    #expect(debug?.verdict == .warning)
    #expect(debug?.finding.hasPrefix("DEBUG BUILD") == true)
  }

  @Test func whatIsMissingIsNamed() {
    #expect(diagnosis("toolchain") { $0.compiler = nil }?.finding == "c++ not found")
    #expect(
      diagnosis("toolchain") { ($0.compiler, $0.swift) = (nil, nil) }?.finding == "swift and c++ not found")
    #expect(diagnosis("linear algebra") { $0.hasOneDNN = false }?.finding == "MKL, no oneDNN")
    let folder = diagnosis("run folder") { $0.outProblem = "runs cannot be written: no" }
    #expect(folder?.verdict == .failure)
    #expect(diagnosis("disk") { $0.freeBytes = 12_000_000 }?.finding == "12 MB free in runs")
    #expect(diagnosis("disk") { $0.freeBytes = nil } == nil)
  }

  @Test(arguments: [
    ("2.10.1", false), ("2.11.0", true), ("2.13.1+cu130", true), ("2.14.0", false), ("", false),
  ])
  func versionsOfLibtorch(version: String, isGood: Bool) {
    #expect((diagnosis("libtorch") { $0.torchVersion = version }?.verdict == .good) == isGood)
  }

  @Test func devicesAndThreads() {
    #expect(diagnosis("devices") { $0.cudaDevices = 2 }?.finding == "cpu (EPYC), cuda:0, cuda:1")
    #expect(diagnosis("threads") { $0.threads = 3 }?.verdict == .warning)
    #expect(diagnosis("threads") { $0.load = 0.3 }?.verdict == .good)
    #expect(diagnosis("threads") { $0.load = 1 }?.verdict == .warning, "two threads and another on two cores")
    let foreign = diagnosis("threads") { $0.loopThreads = 1 }
    #expect(foreign?.verdict == .warning)
    #expect(foreign?.finding == "2 of 2 cores; loops of our own run on 1")
    let busy = diagnosis("threads") { $0.load = 6.25 }
    #expect(busy?.finding == "2 of 2 cores; others want 6.2 of them")
    #expect(busy?.advice.contains("OMP_WAIT_POLICY=PASSIVE") == true)
    #expect(diagnosis("threads") { ($0.load, $0.hasWaitPolicy) = (6, true) }?.verdict == .good)
  }

  @Test func theTextLinesUp() {
    let text = DoctorCommand.text(
      [Diagnosis("a", "fine"), Diagnosis("long", .failure, "broken", advice: "mend it")], .plain)
    #expect(text == "ok    a     fine\nFAIL  long  broken\n          → mend it")
  }

  @Test func writingIsTriedAndLeavesNothing() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    #expect(Symptoms.writeProblem(folder.path) == nil)
    #expect(!FileManager.default.fileExists(atPath: folder.path))
    try Data().write(to: folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(Symptoms.writeProblem(folder.path)?.contains("cannot be written") == true)
  }

  @Test func thisMachineIsDescribed() {
    let symptoms = Symptoms.ofThisMachine(out: FileManager.default.temporaryDirectory.path)
    #expect(symptoms.torchVersion.hasPrefix("2."))
    #expect(symptoms.cores >= 1 && symptoms.threads >= 1)
    #expect(!symptoms.torchConfiguration.isEmpty)
    #expect(symptoms.outProblem == nil)
  }
}
