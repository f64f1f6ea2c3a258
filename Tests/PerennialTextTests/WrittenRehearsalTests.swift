import Foundation
import Testing
import Torch

@testable import Perennial
@testable import PerennialText

/// LAMOL: a language model writes its own rehearsal.
@Suite struct WrittenRehearsalTests {
  static func learner(
    _ strategies: [any Strategy], separator: String = "separator: '<sep>',", steps: Int = 200
  ) throws
    -> (Perennial.Stream, Learner)
  {
    let modality = TextModality(root: try TranslationTests.root())
    let recipe = try TextRecipeTests.recipe(
      data: """
        {records: {train: pairs.jsonl, test: judge.jsonl, rows: {\(separator) vocabulary: 300, length: 20}}}
        """, model: "{gpt: {layers: 2, heads: 2, width: 32}}", objective: "tokens", scenario: "domain")
    let stream = try modality.stream(recipe, seed: 0)
    let learner = try Learner(
      modality.blueprint(recipe, for: stream), objective: modality.objective(recipe),
      optimizer: Adam(learningRate: 0.005), strategies: strategies,
      options: TrainingOptions(batch: 16, length: .steps(steps)), pipeline: stream.pipeline, seed: 1)
    return (stream, learner)
  }

  @Test func oldAnswersAreKeptByTextsOfItsOwn() throws {
    var last: [[Double]] = []
    for strategies in [[], [WrittenRehearsal()] as [any Strategy]] {
      let (stream, learner) = try Self.learner(strategies)
      for index in 0..<2 { try learner.learn(stream.experience(index)) }
      last.append(try Evaluator(stream).look(at: learner).scores.map(\.score))
    }
    #expect(last[1][0] > 1.5 * last[0][0] && last[1][1] > 0.7, "\(last)")
  }

  /// As many as asked for, less those without the form, and none of the new experience's.
  @Test func textsHaveTheForm() throws {
    var options = WrittenRehearsal.Options()
    options.ratio = 0.5
    let strategy = WrittenRehearsal(options)
    let (stream, learner) = try Self.learner([strategy])
    try learner.learn(stream.experience(0))
    try learner.begin(stream.experience(1))
    let all = try #require(learner.session).examples
    let fresh = try stream.experience(1).examples.count
    let written = all.count - fresh
    #expect(written > fresh / 4 && written <= fresh / 2, "\(written) of \(fresh)")
    let (ids, targets) = (try all.inputs.integers(), try all.targets.integers())
    let length = all.inputs.shape[1]
    for row in fresh..<all.count {
      let places = row * length..<(row + 1) * length
      #expect(ids[places.lowerBound] == 1 && ids[places].filter { $0 == 2 }.count == 1)
      let mark = try #require(ids[places].firstIndex(of: 2))
      #expect(targets[places.lowerBound..<mark].allSatisfy { $0 == -100 } && targets[mark] != -100)
      // Where a place counts, its target is the token that follows.
      for place in mark..<places.upperBound - 1 where targets[place] != -100 && targets[place] != 1 {
        #expect(targets[place] == ids[place + 1])
      }
    }
  }

  /// λ adds the loss of whole texts, worked out by hand.
  @Test func wholeTextsAreLearnedToo() throws {
    let inputs = try Tensor([1, 7, 2, 9, 5, 0, 1, 8, 8, 2, 6, 0], shape: [2, 6])
    let targets = try Tensor([-100, -100, 9, 5, 1, -100, -100, -100, -100, 6, 1, -100], shape: [2, 6])
    #expect(
      try WrittenForm.wholeTargets(inputs, targets).integers() == [7, 2, 9, 5, 1, -100, 8, 8, 2, 6, 1, -100])
    let form = try WrittenForm(of: Examples(inputs: inputs, targets: targets), for: "lamol")
    #expect(form.start == 1 && form.separator == 2)
    let row = form.row([7, 2, 9, 1], length: 6, filler: 0)
    #expect(row?.inputs == [1, 7, 2, 9, 0, 0] && row?.targets == [-100, -100, 9, 1, -100, -100])
    #expect(form.row([7, 9, 1], length: 6, filler: 0) == nil)
    #expect(form.row([2, 2, 1], length: 6, filler: 0) == nil)
  }

  @Test func runsGoOnAsIfTheyHadNeverStopped() throws {
    func losses(stopping at: Int?) throws -> [Double] {
      var (stream, learner) = try Self.learner([WrittenRehearsal()], steps: 30)
      var losses: [Double] = []
      for index in 0..<2 {
        try learner.begin(stream.experience(index))
        while let session = learner.session, !session.isDone {
          if losses.count == at {
            let state = try learner.state()
            (stream, learner) = try Self.learner([WrittenRehearsal()], steps: 30)
            try learner.restore(
              state, experience: stream.experience(index), past: { try stream.experience($0) })
          }
          losses.append(try learner.step())
        }
        try learner.end()
      }
      return losses
    }
    let whole = try losses(stopping: nil)
    #expect(try losses(stopping: 12) == whole)
    #expect(try losses(stopping: 41) == whole)
  }

  @Test func whatItCannotDoIsSaid() throws {
    let (stream, learner) = try Self.learner([WrittenRehearsal()], separator: "")
    let error = #expect(throws: StrategyError.self) { try learner.begin(stream.experience(0)) }
    #expect(error?.description.contains("give `separator`") == true)
    let (translations, model) = try TranslationTests.learner([WrittenRehearsal()], steps: 1)
    #expect(throws: StrategyError.self) { try model.learn(translations.experience(0)) }
  }
}
