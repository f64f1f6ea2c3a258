import Foundation
import Perennial
import Torch

/// What a reader should know about an exported model, as Hugging Face shows it: `README.md` with a head of metadata.
public struct ModelCard: Sendable {
  /// What was measured on one data set.
  public struct Measurement: Sendable {
    public var dataset: String
    public var metric: String
    public var value: Double

    public init(dataset: String, metric: String, value: Double) {
      (self.dataset, self.metric, self.value) = (dataset, metric, value)
    }
  }

  /// A heading with what stands below it, in Markdown.
  public struct Section: Sendable {
    public var title: String
    public var text: String

    public init(_ title: String, _ text: String) { (self.title, self.text) = (title, text) }
  }

  public var name: String
  /// What loads it.
  public var library = "perennial"
  /// A sentence or two.
  public var summary: String
  /// What Hugging Face calls the task: `image-classification`.
  public var task: String
  public var tags: [String] = ["continual-learning"]
  public var datasets: [String] = []
  public var measurements: [Measurement] = []
  /// In the order in which they are shown.
  public var sections: [Section] = []

  public init(name: String, summary: String, task: String) {
    (self.name, self.summary, self.task) = (name, summary, task)
  }

  /// The whole card.
  public var markdown: String {
    var text = head + "\n# \(name)\n\n\(summary)\n"
    for section in sections { text += "\n## \(section.title)\n\n\(section.text)\n" }
    return text
  }

  private var head: String {
    var lines = ["---", "library_name: \(library)", "pipeline_tag: \(Self.quoted(task))"]
    lines.append("tags: [\(tags.map(Self.quoted).joined(separator: ", "))]")
    if !datasets.isEmpty { lines.append("datasets: [\(datasets.map(Self.quoted).joined(separator: ", "))]") }
    if !measurements.isEmpty {
      let metrics = Set(measurements.map(\.metric)).sorted()
      lines.append("metrics: [\(metrics.map(Self.quoted).joined(separator: ", "))]")
      lines += ["model-index:", "  - name: \(Self.quoted(name))", "    results:"]
      for measurement in measurements {
        lines += [
          "      - task: {type: \(Self.quoted(task))}",
          "        dataset: {name: \(Self.quoted(measurement.dataset)), type: \(Self.quoted(measurement.dataset))}",
          "        metrics: [{type: \(Self.quoted(measurement.metric)), value: \(measurement.value)}]",
        ]
      }
    }
    return (lines + ["---", ""]).joined(separator: "\n")
  }

  /// A YAML text that can hold anything.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case ..<" ": result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// A Markdown table; cells keep to their place whatever they hold.
  static func table(_ titles: [String], _ rows: [[String]]) -> String {
    func line(_ cells: [String]) -> String {
      let safe = cells.map {
        $0.replacing("|", with: "\\|").split(whereSeparator: \.isNewline).joined(separator: " ")
      }
      return "| \(safe.joined(separator: " | ")) |"
    }
    return ([line(titles), line(titles.map { _ in "---" })] + rows.map(line)).joined(separator: "\n")
  }

  /// A share as people read it: `93.4 %`.
  static func percent(_ share: Double) -> String { "\(number(share * 100, digits: 1)) %" }

  static func number(_ value: Double, digits: Int) -> String {
    value.formatted(
      .number.precision(.fractionLength(digits)).grouping(.never).locale(Locale(identifier: "en_US_POSIX")))
  }
}

extension ModelCard {
  /// Says what was written, and what it answers.
  mutating func add(
    _ report: Exporter.Report, format: Exporter.Format, _ quantization: Exporter.Quantization?, _ graph: Graph
  ) {
    tags.append(format.rawValue)
    if quantization != nil { tags.append("int8") }
    var lines = [
      "`\(report.file.lastPathComponent)`, \(Self.size(report.bytes)), written by Perennial "
        + "\(Version.current)."
    ]
    if format == .onnx {
      func rows(_ ports: [Graph.Port], _ kind: String) -> [[String]] {
        ports.map { port in
          let axes = port.axes.map { axis in
            switch axis {
            case .size(let size): "\(size)"
            case .named(let name): name
            }
          }
          return [kind, "`\(port.name)`", "\(port.dtype)", "[\(axes.joined(separator: ", "))]"]
        }
      }
      lines += [
        "",
        Self.table(
          ["", "name", "type", "shape"], rows(graph.inputs, "input") + rows(graph.outputs, "output")),
        "", "Operators are those of ONNX's set \(Graph.operatorSet).",
      ]
      if graph.inputs.contains(where: { $0.dtype == .uint8 }) {
        lines.append("Images are bytes as they are read: the normalisation is part of the graph.")
      }
      if graph.metadata[Graph.Name.labels] != nil {
        lines.append("The names of the outputs are in the metadata of the file, `labels`, as a JSON list.")
      }
    }
    sections.append(Section("The file", lines.joined(separator: "\n")))
    let findings = report.findings(quantization)
    if !findings.isEmpty {
      sections.append(Section("What the export changes", findings.joined(separator: "\n\n")))
    }
  }

  /// A size as people read it: `1.23 MB`, `4.9 kB`.
  static func size(_ bytes: Int) -> String {
    bytes < 1_000_000
      ? "\(number(Double(bytes) / 1000, digits: 1)) kB" : "\(number(Double(bytes) / 1_000_000, digits: 2)) MB"
  }
}

extension Exporter.Report {
  /// What a person wants to know, a sentence each.
  public func findings(_ quantization: Exporter.Quantization?) -> [String] {
    var lines: [String] = []
    if let check {
      lines.append(
        "Read again and run on libtorch, the float32 graph differs from the model by at most "
          + "\(check.largestDifference.formatted(.number.notation(.scientific).precision(.significantDigits(2)).locale(Locale(identifier: "en_US_POSIX")))) "
          + "over \(check.examples) examples.")
    }
    guard let quantization else { return lines }
    var line =
      "\(quantization.rawValue): \(ModelCard.size(weightBytes)) of weights became "
      + "\(ModelCard.size(bytes))"
    guard let quantized else { return lines + [line + "; nothing was at hand to try it on."] }
    if let accuracy = quantized.accuracy {
      let change = (accuracy.graph - accuracy.model) * 100
      line +=
        "; accuracy \(ModelCard.percent(accuracy.model)) → \(ModelCard.percent(accuracy.graph)) "
        + "(\(change >= 0 ? "+" : "−")\(ModelCard.number(abs(change), digits: 2)) points)"
    }
    if let agreement = quantized.agreement {
      line += "; \(ModelCard.percent(agreement)) of \(quantized.examples) answers are the same"
    }
    if let similarity = quantized.similarity {
      line +=
        "; mean cosine of the vectors \(ModelCard.number(similarity, digits: 4)) over \(quantized.examples)"
    }
    return lines + [line + "."]
  }
}
