import Foundation
import Testing
import Torch

@testable import Perennial

/// Answers that are asked for once and looked up afterwards.
@Suite struct CachedTeacherTests {
  /// Compares what the term saw with the teacher's own answers, step by step.
  private static func learn(
    _ room: Classroom, _ change: (inout CachedTeacher.Options) -> Void = { _ in },
    before: [any Strategy] = [],
    items: Distillation.Items = .all, _ body: @escaping (Step, TermSight) throws -> Void
  ) throws {
    var cached = CachedTeacher.Options()
    cached.teacher = "big"
    change(&cached)
    var options = Distillation.Options()
    options.items = items
    let term = SightsTerm()
    let distillation = try Distillation(CachedTeacher(cached), terms: [(term, 0.01)], options: options)
    var steps = 0
    let spy = Spy { step in
      try body(step, #require(term.sights.last))
      steps += 1
      #expect(term.sights.count == steps)
    }
    try room.learner(before + [distillation, spy]).learn(room.stream)
    #expect(steps == (room.stream.count == 3 ? 18 : 16))
  }

  private static func answers(_ teacher: TableTeacher, _ step: Step) throws -> Tensor {
    let fresh = try step.batch.inputs[0..<step.batch.fresh]
    let known = try #require(teacher.labels).enumerated().filter {
      step.learner.classes.unit(of: $0.element) != nil
    }
    return try teacher.look(fresh, taps: []).outputs.columns(known.map(\.offset))
  }

  /// The same numbers as asking in every step, whatever the order of the items, in one experience or several.
  @Test(arguments: [1, 3])
  func wholeAnswersAreTheLiveOnes(experiences: Int) throws {
    let teacher = try TableTeacher([5, 3, 0, 1, 2, 4])
    let room = try Classroom(experiences: experiences, ["big": teacher])
    try Self.learn(room) { step, sight in
      expectNear(sight.teacher, try Self.answers(teacher, step), relative: 1e-6)
    }
    let live = try room.learn("{teacher: big}")
    let kept = try room.learn("{teacher: {cached: {teacher: big}}}")
    #expect(live.losses.count == kept.losses.count)
    for (a, b) in zip(live.losses, kept.losses) { expectNear(a, b, within: 1e-4) }
    for (path, value) in try live.learner.model.stateDictionary() {
      expectNear(
        try #require(kept.learner.model.stateDictionary()[path]).to(.float32), try value.to(.float32),
        relative: 1e-3, path)
    }
  }

  /// haitongli#17: answers of one view for inputs of another. Every view has answers of its own, which come back after so
  /// many epochs.
  @Test(arguments: [Distillation.Items.all, .fresh])
  func everyViewHasItsOwnAnswers(items: Distillation.Items) throws {
    let teacher = try TableTeacher(Array(0..<6))
    let room = try Classroom(experiences: 2, pipeline: .noisy(), views: 2, ["big": teacher])
    var seen: Set<[Int]> = []
    let before: [any Strategy] = items == .fresh ? [Method.replay()] : []
    var remembered = 0
    try Self.learn(room, before: before, items: items) { step, sight in
      remembered += step.batch.count - step.batch.fresh
      seen.formUnion(zip(try step.batch.places.integers(), step.batch.views ?? []).map { [$0, $1] })
      let plain = try step.batch.source.inputs.indexSelect(step.batch.places)
      #expect(try !step.batch.inputs[0..<step.batch.fresh].equals(plain), "inputs are augmented")
      expectNear(sight.teacher, try Self.answers(teacher, step), relative: 1e-6)
    }
    #expect(seen.count == 2 * 36 && Set(seen.map { $0[1] }) == [0, 1])
    #expect((remembered > 0) == (items == .fresh))
  }

  /// The k largest log-probabilities in half precision; what is left is shared by the others.
  @Test(arguments: [1, 4, 6, 9])
  func theLargestAnswersAndTheMassOfTheRest(top: Int) throws {
    let teacher = try TableTeacher(Array(0..<6))
    try Self.learn(Classroom(["big": teacher]), { $0.top = top }) { step, sight in
      let logp = try Self.answers(teacher, step).logSoftmax()
      let count = min(top, 6)
      let (largest, units) = try logp.topK(count, dim: 1)
      let kept = try sight.teacher.gather(units, dim: 1)
      // Half of the last of 11 binary digits.
      #expect(try ((kept - largest).abs() - largest.abs() / 2048).amax([]).item() < 1e-6)
      // Altogether they are a distribution again.
      #expect(try (sight.teacher.exp().sum([1]) - 1).abs().amax([]).item() < 6e-3)
      guard count < 6 else { return }
      let rest = try (largest.exp().sum([1], keepDims: true) * -1 + 1).clamp(min: 1e-7) / Double(6 - count)
      let others = try sight.teacher.exp().sum([1], keepDims: true) - kept.exp().sum([1], keepDims: true)
      #expect(try (others / Double(6 - count) - rest).abs().amax([]).item() < 4e-3)
    }
  }

  /// Shared equally, the rest would teach a student that whatever it holds unlikely is alike: a student that learned from
  /// eight of 65 characters was no better than one without a teacher.
  @Test(arguments: [SoftTargets.Direction.forward, .reverse])
  func theRestTeachesNothingButItsMass(direction: SoftTargets.Direction) throws {
    let generator = try Generator(seed: 3)
    let student = try Tensor.normal([5, 9], generator)
    try student.setRequiresGrad(true)
    let full = try (Tensor.normal([5, 9], generator) * 2).logSoftmax()
    let (kept, units) = try full.topK(3, dim: 1)
    let rest = try 1 - kept.exp().sum([1], keepDims: true)
    let unkept = try Tensor.full([5, 9], 1, dtype: .bool).scatter(units, value: 0, dim: 1)
    let equal = try (rest / 6).log().expand([5, 9]).scatter(units, kept, dim: 1)
    let alignment = try Alignment(Array(0..<9), group: nil, outputs: 9, device: .cpu)
    let teacher = try alignment.teacher(equal, beside: student, unkept: unkept)
    let own =
      direction == .forward
      ? try ResponseDistillation.forwardKL(student: student, teacher: teacher, temperature: 1).mean()
      : try ResponseDistillation.reverseKL(student: student, teacher: teacher, temperature: 1).mean()
    // All that were not kept are one class, from the definition.
    let logp = try student.logSoftmax()
    let q = try Tensor.concatenate(
      [logp.gather(units, dim: 1), (1 - logp.exp().gather(units, dim: 1).sum([1], keepDims: true)).log()],
      dim: 1)
    let p = try Tensor.concatenate([kept, rest.log()], dim: 1)
    let expected =
      direction == .forward
      ? try (p.exp() * (p - q)).sum([1]).mean() : try (q.exp() * (q - p)).sum([1]).mean()
    expectNear(own, expected, "\(direction)")
    expectNear(
      try gradients(of: own, withRespectTo: [student])[0],
      try gradients(of: expected, withRespectTo: [student])[0], "gradient of \(direction)")
  }

  /// Units are kept in one byte, two or four.
  @Test(arguments: [7, 300, 40_000])
  func unitsOfManyOutputs(outputs: Int) throws {
    let room = try Classroom()
    let learner = try room.learner([])
    try learner.begin(room.stream.experience(0))
    let examples = try #require(learner.session).examples.select(Tensor.arange(0, 5))
    let teacher = LastTeacher(outputs: outputs)
    let cache = try AnswerCache(
      asking: teacher, examples, learner, .init(teacher, examples, learner, top: 2))
    let answers = try cache(Tensor([4, 0]), views: nil)
    #expect(try answers.argmax(1).integers() == [outputs - 1, outputs - 1])
    #expect(cache.byteCount == 5 * (2 * (2 + (outputs < 257 ? 1 : outputs < 32_769 ? 2 : 4)) + 2))
    let again = try AnswerCache.decoded(cache.encoded(), .init(teacher, examples, learner, top: 2))
    #expect(try again(Tensor([4, 0]), views: nil).equals(answers))
  }

  // MARK: - Files

  /// A file is written once, and read from then on: the teacher is not asked again.
  @Test func aFileIsAskedInsteadOfTheTeacher() throws {
    let place = TemporaryPlace()
    defer { place.remove() }
    let count = CountingTeacher(try TableTeacher(Array(0..<6)))
    let room = try Classroom(experiences: 2, ["big": count])
    let options = "{teacher: {cached: {teacher: big, file: \(place.url.path)/answers}}}"
    let first = try room.learn(options)
    #expect(count.asked == 2, "36 examples of each experience at once")
    let files = try FileManager.default.contentsOfDirectory(atPath: place.url.path).sorted()
    #expect(files == ["answers-5-0.safetensors", "answers-5-1.safetensors"])
    let digest = try Data(contentsOf: place.url.appendingPathComponent(files[0]))
    count.asked = 0
    let second = try room.learn(options)
    #expect(second.losses == first.losses)
    #expect(try second.learner.weights() == first.learner.weights())
    #expect(try Data(contentsOf: place.url.appendingPathComponent(files[0])) == digest)
    #expect(count.asked == 0)
    // Another seed has files of its own.
    try room.learner([Method.distillation(options)], seed: 6).learn(room.stream)
    #expect(try FileManager.default.contentsOfDirectory(atPath: place.url.path).count == 4)
  }

  @Test func aFileOfSomethingElseIsRefused() throws {
    let place = TemporaryPlace()
    defer { place.remove() }
    let options = "{teacher: {cached: {teacher: big, file: \(place.url.path)/a}}}"
    let teacher = try TableTeacher(Array(0..<6))
    let room = try Classroom(pipeline: .noisy(), views: 2, ["big": teacher])
    func begin(_ options: String, _ change: (inout Classroom) throws -> Void = { _ in }) throws {
      var other = room
      try change(&other)
      let learner = try other.learner([Method.distillation(options)])
      try learner.begin(other.stream.experience(0))
    }
    try begin(options)
    try begin(options)
    func refused(_ what: String, _ options: String = options, _ change: (inout Classroom) throws -> Void) {
      #expect(
        refusal { try begin(options, change) }
          == "the teacher big: the answers in a-5-0.safetensors \(what); remove the file to ask again")
    }
    refused("belong to another teacher") { $0.teachers["big"] = try TableTeacher(Array(0..<6), seed: 2) }
    refused("belong to another teacher") { $0.teachers["big"] = try TableTeacher(Array(0..<6), sharpness: 2) }
    refused("belong to other augmentation or normalisation") { $0.views = 3 }
    refused("belong to other augmentation or normalisation") {
      $0.stream = try Clusters().stream(
        experiences: 1,
        pipeline: InputPipeline(augmentations: [{ try $0 + Tensor.normal($0.shape, $1) * 0.2 }]))
    }
    refused("belong to other augmentation or normalisation") {
      $0.stream = try Clusters().stream(experiences: 1)
    }
    refused("belong to other examples") {
      $0.stream = try Clusters(perClass: 11).stream(experiences: 1, pipeline: .noisy())
    }
    // The same identifiers, but other inputs under them.
    refused("belong to other augmentation or normalisation") {
      $0.stream = try Clusters(spread: 0.8).stream(experiences: 1, pipeline: .noisy())
    }
    refused(
      "belong to another number of outputs",
      "{teacher: {cached: {teacher: big, top: 3, file: \(place.url.path)/a}}}"
    ) { _ in }
  }

  @Test func damagedFilesAreRefused() throws {
    let place = TemporaryPlace()
    defer { place.remove() }
    let url = place.url.appendingPathComponent("a-5-0.safetensors")
    let room = try Classroom(["big": try TableTeacher(Array(0..<6))])
    func begin(top: Int?) throws {
      let what = top.map { ", top: \($0)" } ?? ""
      let learner = try room.learner([
        Method.distillation("{teacher: {cached: {teacher: big\(what), file: \(place.url.path)/a}}}")
      ])
      try learner.begin(room.stream.experience(0))
    }
    for top in [nil, 2] {
      try? FileManager.default.removeItem(at: url)
      try begin(top: top)
      let whole = try Data(contentsOf: url)
      let contents = try Safetensors.read(url)
      try Safetensors.encode(contents.tensors, metadata: ["origin": "{}"]).write(to: url)
      #expect(refusal { try begin(top: top) }?.contains("do not say whose they are") == true)
      for key in contents.tensors.keys {
        var less = contents.tensors
        less[key] = nil
        try Safetensors.encode(less, metadata: contents.metadata).write(to: url)
        #expect(refusal { try begin(top: top) }?.contains("are not complete") == true, "\(key)")
        var short = contents.tensors
        short[key] = try contents.tensors[key]?[0..<71].clone()
        try Safetensors.encode(short, metadata: contents.metadata).write(to: url)
        #expect(refusal { try begin(top: top) }?.contains("are not complete") == true, "\(key) is short")
      }
      for cut in [0, 7, 40, whole.count / 2, whole.count - 1] {
        try whole.prefix(cut).write(to: url)
        #expect(refusal { try begin(top: top) } != nil, "cut at \(cut)")
      }
    }
  }

  // MARK: - What cannot be kept

  @Test func whatCannotBeLookedUpIsRefused() throws {
    let big = try TableTeacher(Array(0..<6))
    func refused(_ options: String, _ room: Classroom, before: [any Strategy] = [], steps: Int = 0) -> String?
    {
      refusal {
        let learner = try room.learner(before + [Method.distillation(options)])
        try learner.begin(room.stream.experience(0))
        for _ in 0..<steps { try learner.step() }
      }
    }
    #expect(
      refused("{teacher: {cached: {teacher: big}}}", try Classroom(pipeline: .noisy(), ["big": big]))
        == "the teacher big: its answers cannot be kept while every epoch augments anew: set `training.views`, such as 8"
    )
    #expect(
      refused("{teacher: {cached: {teacher: big}}}", try Classroom())
        == "there is no teacher `big`: the recipe has no `teachers:`")
    #expect(
      refused(
        "{teacher: {cached: {teacher: big}}, terms: [{hint: {taps: [features]}}]}",
        try Classroom(["big": big]))
        == "the teacher big: its kept answers are outputs, and tell nothing of the tap `features`")
    #expect(
      refused("{teacher: {cached: {teacher: big}}}", try Classroom(["big": try TableTeacher([7, 8])]))
        == "the teacher big and the student answer for no class in common")
    #expect(
      refused(
        "{teacher: {cached: {teacher: big}}}", try Classroom(["big": big]), before: [Method.replay()],
        steps: 3)
        == "the teacher big: its kept answers are for fresh items alone: set `items: fresh` beside a memory")
  }
}

/// A teacher that is sure of its last output.
private struct LastTeacher: Teacher {
  let labels: [Int]? = nil
  let outputs: Int
  let tapNames: [String] = ["features", "outputs"]
  func digest() throws -> String { "last of \(outputs)" }
  func look(_ inputs: Tensor, taps: [String]) throws -> Look {
    let rows = try Tensor.zeros([inputs.shape[0], outputs])
    try rows.narrow(dim: 1, start: outputs - 1, count: 1).fill(30)
    return Look(features: inputs, outputs: rows)
  }
}

/// Counts how often another teacher is asked.
private final class CountingTeacher: Teacher {
  private let other: any Teacher
  var asked = 0
  init(_ other: any Teacher) { self.other = other }
  var labels: [Int]? { other.labels }
  var outputs: Int { other.outputs }
  var tapNames: [String] { other.tapNames }
  func digest() throws -> String { try other.digest() }
  func look(_ inputs: Tensor, taps: [String]) throws -> Look {
    asked += 1
    return try other.look(inputs, taps: taps)
  }
}

extension AnswerCache {
  /// From the bytes of a file.
  fileprivate static func decoded(_ data: Data, _ origin: Origin) throws -> AnswerCache {
    let place = TemporaryPlace()
    defer { place.remove() }
    let url = place.url.appendingPathComponent("answers.safetensors")
    try data.write(to: url)
    return try AnswerCache(contentsOf: url, origin, teacher: "t")
  }
}
