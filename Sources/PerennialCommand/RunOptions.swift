import ArgumentParser
import Foundation
import Perennial
import Torch

/// What `perennial run` can be told, and what follows from it.
struct RunOptions: ParsableArguments {
  @Argument(help: "The recipe, a YAML file.", completion: .file(extensions: ["yaml", "yml"]))
  var recipe: String

  @Option(help: "The folder that holds the data sets; $PERENNIAL_DATA or ./data where this is not given.")
  var data: String?

  @Option(help: "The folder that takes the run, in <recipe>/<time>/ below it; runs where this is not given.")
  var out: String?

  @Option(
    name: .customLong("seed"), parsing: .upToNextOption, help: "The seeds to run, in place of the recipe's.")
  var seeds: [Int] = []

  @Option(help: "Where to compute: cpu, cuda or cuda:N.")
  var device = "cpu"

  @Option(help: "How many threads an operation may use; all cores where this is not given.")
  var threads: Int?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Set a key of the recipe, such as training.steps=500 or strategies.ewc.ewc.lambda=10; may be repeated.",
      valueName: "key=value"))
  var changes: [String] = []

  @Option(help: "The arms to compare, separated by commas; all of the recipe's where this is not given.")
  var strategies: String?

  @Flag(help: "Go on with the newest unfinished run of this recipe, or start one where there is none.")
  var resume = false

  @Flag(help: "Fail when a result is too far from what the recipe expects.")
  var check = false

  @Flag(
    help: """
      Choose the learning rate and the strength of each experience on its own validation examples (continual grid \
      search); the same as --set training.tune={}.
      """)
  var tune = false

  @Option(
    help: ArgumentHelp(
      """
      Learn an experience again, more strongly protected, when more than this share of the validation accuracy on \
      earlier ones is lost, such as 0.02.
      """, valueName: "share"))
  var maxForgetting: Double?

  @Flag(help: "Print results.json rather than a table.")
  var json = false

  func validate() throws {
    guard Device(device) != nil else {
      throw ValidationError("--device must be cpu, cuda or cuda:N, found '\(device)'")
    }
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1, found \(threads)") }
    if let seed = seeds.first(where: { $0 < 0 }) {
      throw ValidationError("--seed must be at least 0, found \(seed)")
    }
  }

  /// The folder that takes the run.
  var runs: URL { URL(fileURLWithPath: out ?? "runs") }

  /// The changes to the recipe in the order in which they are applied.
  var recipeChanges: [RecipeChange] {
    var all = changes.map(RecipeChange.set)
    if tune { all.append(.set("training.tune={}")) }
    if let maxForgetting { all.append(.set("training.max_forgetting=\(maxForgetting)")) }
    if !seeds.isEmpty { all.append(.seeds(seeds)) }
    if let strategies {
      let names = strategies.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      all.append(.only(names.filter { !$0.isEmpty }))
    }
    return all
  }

  /// Takes the threads, and the device to compute on, which this machine has.
  func preparedDevice() throws -> Device {
    if let threads { Runtime.threads = threads }
    guard case .cuda(let index)? = Device(device) else { return .cpu }
    let count = Runtime.cudaDeviceCount
    guard index < count else { throw MissingDevice(name: device, count: count) }
    return .cuda(index)
  }

  /// The recipe with its changes.
  func resolved() throws -> Recipe {
    try Recipe(contentsOf: URL(fileURLWithPath: recipe, relativeTo: nil), changes: recipeChanges)
  }
}

/// A device that this machine does not have, or that its libtorch cannot use.
struct MissingDevice: Error, CustomStringConvertible {
  let name: String
  let count: Int

  var description: String {
    "there is no device \(name): libtorch finds \(count == 0 ? "no" : "\(count)") CUDA "
      + "\(count == 1 ? "device" : "devices"); `perennial doctor` says more, --device cpu is always there"
  }
}
