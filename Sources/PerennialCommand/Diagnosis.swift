import PerennialLife

/// What `perennial doctor` finds out about the machine, apart from what it makes of it.
struct Symptoms {
  var isDebugBuild = false
  /// The first line of `swift --version`, `nil` where there is no toolchain.
  var swift: String?
  /// The first line of `c++ --version`.
  var compiler: String?
  var torchVersion = ""
  /// Where libtorch was loaded from.
  var torchPath: String?
  /// How libtorch was built, as it says itself.
  var torchConfiguration = ""
  var hasOneDNN = false
  var processor = ""
  var cores = 1
  var threads = 1
  /// How many of them our own loops run on.
  var loopThreads = 1
  /// Processes that want a core, averaged over a minute; nil where the system does not tell.
  var load: Double?
  /// Whether it has been decided how threads wait for each other.
  var hasWaitPolicy = false
  var cudaDevices = 0
  var out = "runs"
  /// Why nothing can be written there, `nil` where it can.
  var outProblem: String?
  /// Bytes free where runs go.
  var freeBytes: Int?
}

/// One line of what `perennial doctor` says.
struct Diagnosis: Encodable, Equatable {
  enum Verdict: String, Encodable { case good, warning, failure }

  let name: String
  let verdict: Verdict
  let finding: String
  /// What to do about it; empty where nothing is to be done.
  let advice: String

  init(_ name: String, _ finding: String) {
    self.init(name, .good, finding)
  }

  init(_ name: String, _ verdict: Verdict, _ finding: String, advice: String = "") {
    self.name = name
    self.verdict = verdict
    self.finding = finding
    self.advice = advice
  }
}

extension Diagnosis {
  /// The versions of libtorch that the sources compile with, minor numbers of version 2.
  static let supportedTorch = 11...13

  static func all(_ symptoms: Symptoms) -> [Diagnosis] {
    [
      build(symptoms), toolchain(symptoms), torch(symptoms), devices(symptoms), threads(symptoms),
      algebra(symptoms), folder(symptoms), space(symptoms),
    ].compactMap { $0 }
  }

  private static func build(_ symptoms: Symptoms) -> Diagnosis {
    guard symptoms.isDebugBuild else { return Diagnosis("build", "release") }
    return Diagnosis(
      "build", .warning, "DEBUG BUILD: everything is several times slower than it should be",
      advice: "build with `make build`, or `swift build -c release`")
  }

  private static func toolchain(_ symptoms: Symptoms) -> Diagnosis {
    switch (symptoms.swift, symptoms.compiler) {
    case (let swift?, let compiler?): return Diagnosis("toolchain", "\(swift); \(compiler)")
    case (let swift, let compiler):
      let missing = [swift == nil ? "swift" : nil, compiler == nil ? "c++" : nil].compactMap { $0 }
      return Diagnosis(
        "toolchain", .warning, "\(missing.joined(separator: " and ")) not found",
        advice: "this program runs without, but cannot be built again")
    }
  }

  private static func torch(_ symptoms: Symptoms) -> Diagnosis {
    let place = symptoms.torchPath.map { " from \($0)" } ?? ""
    let parts = symptoms.torchVersion.split(separator: ".").map { Int($0) ?? 0 }
    guard parts.count >= 2, parts[0] == 2, supportedTorch.contains(parts[1]) else {
      return Diagnosis(
        "libtorch", .warning, "\(symptoms.torchVersion)\(place)",
        advice:
          "2.\(supportedTorch.lowerBound) to 2.\(supportedTorch.upperBound) are tested; run Scripts/bootstrap"
      )
    }
    return Diagnosis("libtorch", "\(symptoms.torchVersion)\(place)")
  }

  private static func devices(_ symptoms: Symptoms) -> Diagnosis {
    let cpu = "cpu (\(symptoms.processor.isEmpty ? "unknown processor" : symptoms.processor))"
    let cuda = (0..<symptoms.cudaDevices).map { "cuda:\($0)" }
    return Diagnosis("devices", ([cpu] + cuda).joined(separator: ", "))
  }

  private static func threads(_ symptoms: Symptoms) -> Diagnosis {
    let finding = "\(symptoms.threads) of \(symptoms.cores) cores"
    guard symptoms.threads <= symptoms.cores else {
      return Diagnosis(
        "threads", .warning, finding,
        advice: "more threads than cores wait for each other; lower OMP_NUM_THREADS")
    }
    guard symptoms.loopThreads == symptoms.threads else {
      return Diagnosis(
        "threads", .warning, "\(finding); loops of our own run on \(symptoms.loopThreads)",
        advice:
          "gathering batches and penalties are slower than they could be: libtorch's OpenMP is not GNU's")
    }
    if let load = symptoms.load, !symptoms.hasWaitPolicy,
      WaitPolicy.crowds(load: load, threads: symptoms.threads, cores: symptoms.cores)
    {
      return Diagnosis(
        "threads", .warning, String(format: "%@; others want %.1f of them", finding, load),
        advice: "threads that wait spin, and take cores from those that work: set OMP_WAIT_POLICY=PASSIVE")
    }
    return Diagnosis("threads", finding)
  }

  private static func algebra(_ symptoms: Symptoms) -> Diagnosis {
    let words = symptoms.torchConfiguration.lowercased()
    let known = [("mkl", "MKL"), ("openblas", "OpenBLAS"), ("accelerate", "Accelerate"), ("eigen", "Eigen")]
    let blas = known.first { words.contains("blas_info=\($0.0)") }?.1 ?? "unknown BLAS"
    guard symptoms.hasOneDNN else {
      return Diagnosis(
        "linear algebra", .warning, "\(blas), no oneDNN",
        advice: "convolutions and some linear layers are faster with a libtorch that carries oneDNN")
    }
    return Diagnosis("linear algebra", "\(blas) and oneDNN, whichever is faster for a layer")
  }

  private static func folder(_ symptoms: Symptoms) -> Diagnosis {
    guard let problem = symptoms.outProblem else {
      return Diagnosis("run folder", "\(symptoms.out) can be written")
    }
    return Diagnosis("run folder", .failure, problem, advice: "choose another folder with --out")
  }

  private static func space(_ symptoms: Symptoms) -> Diagnosis? {
    guard let bytes = symptoms.freeBytes else { return nil }
    let finding = "\(bytes / 1_000_000_000) GB free in \(symptoms.out)"
    guard bytes < 1_000_000_000 else { return Diagnosis("disk", finding) }
    return Diagnosis(
      "disk", .warning, "\(bytes / 1_000_000) MB free in \(symptoms.out)",
      advice: "checkpoints need room; free some space")
  }
}
