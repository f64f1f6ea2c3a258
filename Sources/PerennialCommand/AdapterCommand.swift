import ArgumentParser
import Foundation
import Perennial
import PerennialText
import Torch

struct AdapterCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adapter", abstract: "Put PEFT adapters together.", subcommands: [Merge.self])
}

extension AdapterCommand {
  struct Merge: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make one low-rank adapter of several, as PEFT's add_weighted_adapter does.",
      discussion: """
        cat is exact, and its rank the sum of theirs; svd is the best approximation of that of --rank. The others take \
        adapters of one rank: linear adds them up, ties and magnitude keep the --density largest values of each, dare \
        a random part. `perennial export MODEL --adapter FOLDER --format safetensors` makes the result part of a model.
        """)

    enum Method: String, CaseIterable, ExpressibleByArgument { case linear, cat, svd, ties, dare, magnitude }

    /// A folder with its weight: `FOLDER=0.7`.
    struct Weighted: ExpressibleByArgument {
      let folder: URL
      let weight: Double

      init?(argument: String) {
        let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count <= 2, let weight = parts.count == 2 ? Double(parts[1]) : 1, weight.isFinite else {
          return nil
        }
        folder = URL(fileURLWithPath: String(parts[0]), isDirectory: true)
        self.weight = weight
      }
    }

    @Argument(help: "The folder of the model that they belong to.", completion: .directory)
    var model: String

    @Argument(help: "Two adapters or more, each with its weight: FOLDER=0.7; 1 where there is none.")
    var adapters: [Weighted]

    @Option(help: "How they become one.")
    var method = Method.cat

    @Option(help: "The rank of the result of svd.")
    var rank: Int?

    @Option(help: "The share of values that ties, dare and magnitude keep.")
    var density = 0.5

    @Option(help: "The draws of dare are of this seed.")
    var seed: UInt64 = 0

    @Option(help: "The folder to write.")
    var out = "merged"

    func validate() throws {
      guard adapters.count > 1 else { throw ValidationError("name two adapters or more") }
      guard (rank != nil) == (method == .svd) else {
        throw ValidationError("--rank belongs to --method svd, which needs it")
      }
      guard density > 0, density <= 1 else {
        throw ValidationError("--density must be above 0 and at most 1, found \(density)")
      }
    }

    func run() throws {
      let base = ModelFolder(URL(fileURLWithPath: model, isDirectory: true))
      let network = try base.loadPromptable()
      let sets = try adapters.enumerated().map { index, adapter in
        (try AdapterFolder(adapter.folder).read("adapter-\(index)", into: network), adapter.weight)
      }
      let merged = try AdapterSet.merge(
        sets, as: "merged", way, in: network, RandomStreams(seed: seed))
      let target = AdapterFolder(URL(fileURLWithPath: out, isDirectory: true))
      try target.write(merged, of: network, baseModel: base.url.path, taskType: network.peftTask)
      print("\(out), rank \(merged.places.map(\.adapter.rank).max() ?? 0)")
    }

    private var way: AdapterMerge {
      switch method {
      case .linear: .linear
      case .cat: .concatenation
      case .svd: .singularValues(rank: rank ?? 1)
      case .ties: .ties(density: density)
      case .dare: .dare(density: density)
      case .magnitude: .magnitudePruning(density: density)
      }
    }
  }
}
