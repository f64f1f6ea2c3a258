import Foundation
import Perennial
import Testing

/// Every kind of stream, model, head and objective that a recipe can ask for, learned by the real program.
@Suite struct ScenarioTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let stream: String
    var model = "{mlp: {hidden: [32]}}"
    var head = "linear"
    var training = "{optimizer: {adam: {lr: 0.01}}, batch: 32, steps: 30}"
    let experiences: [String]
    var testDescription: String { "\(stream) \(model) \(head)" }
  }

  static let digits = ["0,1", "2,3", "4,5", "6,7", "8,9"]
  static let cases = [
    Case(stream: "{data: digits, experiences: 5}", experiences: digits),
    Case(stream: "{data: digits, scenario: task, experiences: 5}", experiences: digits),
    Case(stream: "{data: digits, scenario: domain, experiences: 5}", experiences: digits),
    Case(
      stream: "{data: digits, scenario: instance, experiences: 3}",
      experiences: ["part 1", "part 2", "part 3"]),
    Case(
      stream: "{data: digits, scenario: {domain: {transform: permute}}, experiences: 2}",
      experiences: ["permutation 1", "permutation 2"]),
    Case(
      stream: "{data: digits, scenario: {domain: {transform: rotate, degrees: 90}}, experiences: 3}",
      experiences: ["0°", "30°", "60°"]),
    Case(
      stream: "{data: digits, scenario: {task: {transform: rotate}}, experiences: 2}",
      experiences: ["0°", "90°"]),
    Case(stream: "{data: digits, experiences: 5, blur: 0.2}", experiences: digits),
    Case(stream: "{data: digits, experiences: 5, online: 10}", experiences: digits),
    Case(stream: "{data: digits, experiences: 5, validation: 0.2}", experiences: digits),
    Case(
      stream: "{data: digits, experiences: 2, class_order: [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]}",
      experiences: ["9,8,7,6,5", "4,3,2,1,0"]),
    Case(stream: "{data: digits, experiences: 3}", experiences: ["0,1,2", "3,4,5", "6,7,8,9"]),
    Case(
      stream:
        "{data: {digits: {limit: 20, normalize: true}}, experiences: 5, augment: [{crop: {padding: 1}}]}",
      experiences: digits),
    Case(
      stream: "{data: {digits: {pad: 12, limit: 40}}, experiences: 5}", model: "lenet", experiences: digits),
    Case(
      stream: "{data: {digits: {limit: 40}}, experiences: 5}",
      model: "{small-cnn: {channels: [4, 4], hidden: 8}}", experiences: digits),
    Case(
      stream: "{data: {digits: {pad: 16, limit: 20}}, experiences: 5}",
      model: "{cifar-resnet: {depth: 8, width: 4}}",
      training: "{optimizer: {sgd: {lr: 0.1}}, batch: 16, steps: 6}",
      experiences: digits),
    Case(stream: "{data: digits, experiences: 5}", head: "{fixed: {outputs: 10}}", experiences: digits),
    Case(stream: "{data: digits, experiences: 5}", head: "cosine", experiences: digits),
    Case(stream: "{data: digits, experiences: 5}", head: "nearest-class-mean", experiences: digits),
  ]

  @Test(arguments: cases) func everyStreamIsLearned(example: Case) throws {
    let run = try TestRun(
      """
      stream: \(example.stream)
      model: \(example.model)
      head: \(example.head)
      training: \(example.training)
      strategies: {replay: [{replay: {memory: 100}}]}
      seeds: [0]
      """)
    let ending = try run.learn("--json")
    try #require(ending.status == 0, "\(ending.errors)")
    let results = try RunResults(contentsOf: run.run().appendingPathComponent("results.json"))
    #expect(results.stream.experiences == example.experiences)
    let matrix = try #require(results.runs.first?.matrix)
    #expect(matrix.count == example.experiences.count)
    #expect(matrix.allSatisfy { $0.count == matrix.count && $0.allSatisfy { (0...1).contains($0) } })
    // What was learned last is known better than by guessing.
    #expect(matrix[matrix.count - 1][matrix.count - 1] > 0.15)
    let report = try String(contentsOf: run.run().appendingPathComponent("report.html"), encoding: .utf8)
    #expect(report.hasPrefix("<!doctype html>") && report.contains("</html>"))
    for name in example.experiences { #expect(report.contains(name)) }
  }

  @Test func aTableIsRegressed() throws {
    let data = try TestFolder()
    let rows = (0..<300).map { number in
      let x = Double(number % 17) / 17 - 0.5
      let y = Double(number % 23) / 23 - 0.5
      return "\(x),\(y),\(2 * x - y + 0.3)\n"
    }
    try data.write("x,y,value\n" + rows.joined(), "plane.csv")
    let run = try TestRun(
      """
      stream: {data: {csv: {path: plane.csv, regression: true}}, scenario: instance, experiences: 2}
      model: {mlp: {hidden: [16]}}
      objective: regression
      training: {optimizer: {adam: {lr: 0.02}}, batch: 32, steps: 150}
      strategies: {finetune: [], ewc: [{ewc: {lambda: 1}}], replay: [{replay: {memory: 50}}], joint: [joint]}
      seeds: [0, 1]
      """)
    let ending = try run.learn("--data", data.path)
    try #require(ending.status == 0, "\(ending.errors)")
    let results = try RunResults(contentsOf: run.run().appendingPathComponent("results.json"))
    #expect(results.runs.count == 8)
    for run in results.runs {
      #expect(run.matrix[1].allSatisfy { $0 > 0.9 }, "\(run.strategy) \(run.matrix)")
    }
  }

  @Test func aTableOfClassesIsLearned() throws {
    let data = try TestFolder()
    let rows = (0..<200).map {
      "\($0 % 4 + $0 % 3),\($0 % 4 * 2),\(["red", "green", "blue", "grey"][$0 % 4])\n"
    }
    try data.write("a,b,color\n" + rows.joined(), "colors.csv")
    let run = try TestRun(
      """
      stream: {data: {csv: {path: colors.csv}}, scenario: task, experiences: 2}
      model: {mlp: {hidden: [8]}}
      training: {optimizer: {adam: {lr: 0.05}}, batch: 32, steps: 50}
      strategies: {finetune: []}
      seeds: [0]
      """)
    let ending = try run.learn("--data", data.path)
    try #require(ending.status == 0, "\(ending.errors)")
    let results = try RunResults(contentsOf: run.run().appendingPathComponent("results.json"))
    #expect(results.runs[0].matrix[1].allSatisfy { $0 > 0.9 }, "\(results.runs[0].matrix)")
  }
}
