import ArgumentParser
import Foundation
import Perennial
import PerennialVision

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Look after the data sets: list, fetch, verify.",
    subcommands: [List.self, Fetch.self, Verify.self])

  struct Root: ParsableArguments {
    @Option(help: "The folder that holds the data sets; $PERENNIAL_DATA or ./data where this is not given.")
    var data: String?

    var folder: DataRoot { DataRoot(data) }
  }

  /// The names of data sets, all of which are known.
  struct Names: ParsableArguments {
    @Argument(help: ArgumentHelp("The data sets, as `perennial data list` names them.", valueName: "name"))
    var names: [String]

    func validate() throws {
      for name in names where DatasetCatalog.dataset(name) == nil {
        let known = DatasetCatalog.all.map(\.name).joined(separator: ", ")
        throw ValidationError("there is no data set '\(name)'; known are \(known)")
      }
    }
  }
}

extension DataCommand {
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the data sets and say which are here.")

    @OptionGroup var root: Root

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
      let rows = DatasetCatalog.all.map { Row($0, in: root.folder) }
      guard !json else { return print(try OrderedJSON.text(rows)) }
      let width = rows.map(\.name.count).max() ?? 0
      for row in rows {
        let padding = String(repeating: " ", count: width - row.name.count)
        let place =
          row.folder ?? (row.bytes == 0 ? "built in" : "\(DataCommand.megabytes(row.bytes)) to fetch")
        print("\(row.name)\(padding)  \(row.title): \(row.summary); \(row.licence)")
        print("\(String(repeating: " ", count: width))  → \(place)")
      }
    }

    private struct Row: Encodable {
      let name: String
      let title: String
      let summary: String
      let licence: String
      let homepage: String
      let bytes: Int
      let folder: String?

      init(_ dataset: CatalogDataset, in root: DataRoot) {
        name = dataset.name
        title = dataset.title
        summary = dataset.summary
        licence = dataset.licence
        homepage = dataset.homepage
        bytes = dataset.size
        folder = (try? root.folder(of: dataset.name))?.relativePath
      }
    }
  }

  struct Fetch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Download data sets from their official homes; what is here already is kept.")

    @OptionGroup var names: Names
    @OptionGroup var root: Root

    func run() async throws {
      for name in names.names {
        let line = TransferLine(.of(STDERR_FILENO)) { FileHandle.standardError.write(Data($0.utf8)) }
        let folder: URL
        do {
          folder = try await DatasetCatalog.fetch(name, into: root.folder) { line.show($0) }
        } catch {
          line.close()
          throw error
        }
        line.close()
        print("\(name): \(folder.relativePath)")
      }
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Compare the files of data sets with their checksums.")

    @OptionGroup var names: Names
    @OptionGroup var root: Root

    func run() throws {
      var isSound = true
      for name in names.names {
        for check in try DatasetCatalog.verify(name, in: root.folder) {
          print("\(Self.words(check.outcome))  \(name)/\(check.file)")
          isSound = isSound && check.isUsable
        }
      }
      guard isSound else {
        Console.say("`perennial data fetch` downloads what is missing or damaged")
        throw ExitStatus.failure
      }
    }

    static func words(_ outcome: DatasetCatalog.FileCheck.Outcome) -> String {
      switch outcome {
      case .intact: "ok       "
      case .unknown: "unknown  "
      case .missing: "MISSING  "
      case .damaged: "DAMAGED  "
      }
    }
  }

  static func megabytes(_ bytes: Int) -> String { String(format: "%.1f MB", Double(bytes) / 1e6) }
}
