import Foundation
import Testing

/// The programs of `Examples/` run as a reader would run them, and show what they claim.
@Suite struct ExampleTests {
  private func output(of name: String) throws -> [String] {
    let url = Program.url.deletingLastPathComponent().appendingPathComponent(name)
    let program = try Program([], executable: url)
    let ending = try program.wait()
    #expect(ending.status == 0, "\(ending.errors)")
    return ending.output.split(separator: "\n").map(String.init)
  }

  private func percentages(_ line: String) -> [Double] {
    line.split(whereSeparator: { !"0123456789.".contains($0) }).compactMap { Double($0) }
  }

  @Test func aCustomStrategyForgetsLess() throws {
    let lines = try output(of: "custom-strategy")
    try #require(lines.count == 2)
    let accuracies = lines.map { percentages($0).last ?? 0 }
    #expect(accuracies[1] > accuracies[0], "\(lines)")
  }

  @Test func aCustomStreamIsLearnedDomainByDomain() throws {
    let lines = try output(of: "custom-stream")
    try #require(lines.count == 2)
    let first = lines.map { percentages($0)[1] }
    #expect(first[1] > first[0] + 5, "\(lines)")
  }

  @Test func aCustomModelLearns() throws {
    let lines = try output(of: "custom-model")
    #expect(lines.count == 5)
    let final = percentages(lines.last ?? "").suffix(5)
    #expect(final.reduce(0, +) / 5 > 75, "\(lines)")
  }
}
