import Testing
import Torch

@testable import Perennial

/// Which outputs of teacher and student belong together, and how several teachers are heard.
@Suite struct TeacherAlignmentTests {
  /// Looks at every step's single sight.
  private static func look(
    _ room: Classroom, _ source: NamedTeachers, _ body: @escaping (Step, [TermSight]) throws -> Void
  ) throws {
    let term = SightsTerm()
    let distillation = try Distillation(source, terms: [(term, 1)])
    var (seen, steps) = (0, 0)
    let spy = Spy { step in
      try body(step, Array(term.sights[seen...]))
      seen = term.sights.count
      steps += 1
    }
    try room.learner([distillation, spy]).learn(room.stream)
    #expect(steps == room.stream.count * (room.stream.count == 1 ? 16 : 6))
  }

  /// A teacher of some classes, in an order of its own: the same divergence as of one that knows just these in the
  /// student's order, and no gradient for units that it says nothing of.
  @Test(arguments: [[4, 0, 3], [5, 4, 3, 2, 1, 0], [2, 30, 1, 39, 5]])
  func classesAreMatchedByLabel(labels: [Int]) throws {
    let teacher = try TableTeacher(labels)
    let room = try Classroom(["other": teacher])
    try Self.look(room, NamedTeachers([.init("other")])) { step, sights in
      let sight = try #require(sights.first)
      #expect(sights.count == 1)
      let common = labels.filter { $0 < 6 }
      let units = try common.map { try #require(step.learner.classes.unit(of: $0)) }
      let said = try teacher.look(step.batch.inputs, taps: []).outputs
      #expect(sight.units == units)
      #expect(try sight.student.detach().equals(step.outputs.columns(units)))
      #expect(try sight.teacher.equals(said.columns(common.map { labels.firstIndex(of: $0) ?? -1 })))
      let targets = try #require(sight.targets).integers()
      for (place, unit) in zip(targets, try step.batch.targets.integers()) {
        #expect(place >= 0 ? units[place] == unit : !units.contains(unit) && place == -1 - unit)
      }
    }
  }

  @Test func unitsThatTheTeacherDoesNotKnowAreLeftAlone() throws {
    let room = try Classroom(["some": try TableTeacher([3, 1])])
    let distillation = try Method.distillation("{teacher: some, hard: 0}")
    let learner = try room.learner([distillation])
    try learner.begin(room.stream.experience(0))
    let step = try learner.currentStep()
    let loss = try #require(distillation.contributions(step).first).value
    let gradient = try gradients(of: loss, withRespectTo: [step.outputs])[0]
    let reached = try gradient.abs().sum([0]).floats().enumerated().filter { $0.element > 0 }.map(\.offset)
    #expect(reached == [1, 3].map { learner.classes.unit(of: $0) ?? -1 }.sorted())
  }

  /// A teacher of all classes in a class-incremental stream speaks of those that the student has met.
  @Test func theCommonClassesGrowWithTheStudent() throws {
    let room = try Classroom(experiences: 3, ["big": try TableTeacher([5, 4, 3, 2, 1, 0])])
    try Self.look(room, NamedTeachers([.init("big")])) { step, sights in
      #expect(sights.first?.student.shape[1] == 2 * step.session.experience.index + 2)
      #expect(Set(sights.first?.units ?? []) == Set(0..<step.learner.classes.count))
    }
  }

  /// Where tasks are granted, the units of each task by themselves.
  @Test func tasksAreTaughtOneByOne() throws {
    let stream = try Setting.tasks.stream()
    let term = SightsTerm()
    let distillation = try Distillation(NamedTeachers([.init("big")]), terms: [(term, 1)])
    var seen = 0
    let spy = Spy { step in
      let units = term.sights[seen...].map { $0.units ?? [] }
      #expect(units == (0...step.session.experience.index).map { [2 * $0, 2 * $0 + 1] })
      seen = term.sights.count
    }
    let learner = try Setting.tasks.learner(
      [distillation, spy], stream: stream, teachers: ["big": TableTeacher(Array(0..<6))])
    try learner.learn(stream)
    #expect(seen > 0)
  }

  /// Outputs without labels stand for the student's units in order; those it does not have say nothing.
  @Test func moreOutputsThanTheStudentHas() throws {
    let room = try Classroom(experiences: 3, ["big": try TableTeacher(Array(0..<9), isKnowing: false)])
    try Self.look(room, NamedTeachers([.init("big")])) { step, sights in
      #expect(sights.first?.units == Array(0..<step.outputs.shape[1]))
    }
  }

  // MARK: - Several

  private static func pair() throws -> (Classroom, TableTeacher, TableTeacher) {
    let (one, other) = (try TableTeacher([2, 0, 1]), try TableTeacher([5, 3, 4, 17], seed: 2))
    return (try Classroom(["one": one, "other": other]), one, other)
  }

  /// Each for its own classes, weighed, each divided by its own temperature first.
  @Test func separateTeachersAreSummed() throws {
    let (room, one, other) = try Self.pair()
    try room.learn(
      "{teachers: [{one: {weight: 2}}, {other: {weight: 0.5, temperature: 3}}], terms: [{kd: {temperature: 2}}]}"
    ) { step in
      let classes = step.learner.classes
      func owed(_ teacher: TableTeacher, _ labels: [Int], own: Double) throws -> Double {
        let said = try teacher.look(step.batch.inputs, taps: []).outputs / own
        let units = labels.map { classes.unit(of: $0) ?? -1 }
        return try divergence(
          step.outputs.columns(units), said.columns(Array(0..<3)), temperature: 2
        ).mean().item()
      }
      let expected = try 2 * owed(one, [2, 0, 1], own: 1) + 0.5 * owed(other, [5, 3, 4], own: 3)
      expectNear(try #require(try step.value(of: "kd")), expected, within: 1e-4 * max(expected, 1))
    }
  }

  /// One distribution over the classes of both.
  @Test func teachersOfDifferentClassesSideBySide() throws {
    let (room, one, other) = try Self.pair()
    try room.learn("{teachers: [one, other], merge: concatenate, terms: [{kd: {temperature: 2}}]}") { step in
      let units = [2, 0, 1, 5, 3, 4].map { step.learner.classes.unit(of: $0) ?? -1 }
      let said = try Tensor.concatenate(
        [one, other].map { try $0.look(step.batch.inputs, taps: []).outputs.columns([0, 1, 2]) }, dim: 1)
      let expected = try divergence(step.outputs.columns(units), said, temperature: 2).mean().item()
      expectNear(try #require(try step.value(of: "kd")), expected, within: 1e-4 * max(expected, 1))
    }
  }

  /// Σ w p / Σ w over the classes that all know, whatever their order, and whatever else one of them knows.
  @Test func teachersOfTheSameClassesAreAveraged() throws {
    let (one, other) = (try TableTeacher([2, 0, 33, 1]), try TableTeacher([0, 1, 2], seed: 2))
    let room = try Classroom(["one": one, "other": other])
    try room.learn("{teachers: [{one: {weight: 3}}, other], merge: average, temperature: 1}") { step in
      let units = [2, 0, 1].map { step.learner.classes.unit(of: $0) ?? -1 }
      let p = try one.look(step.batch.inputs, taps: []).outputs.columns([0, 1, 3]).softmax()
      let q = try other.look(step.batch.inputs, taps: []).outputs.columns([2, 0, 1]).softmax()
      let mean = try p * 0.75 + q * 0.25
      let expected = try divergence(step.outputs.columns(units), mean.log(), temperature: 1).mean().item()
      expectNear(try #require(try step.value(of: "kd")), expected, within: 1e-4 * max(expected, 1))
    }
  }

  /// A teacher of classes that are still to come is heard when they are there.
  @Test func oneOfSeveralMayKnowWhatIsStillToCome() throws {
    let labels = try Clusters().stream(experiences: 3).experience(0).examples.targets.integers()
    let now = Set(labels).sorted()
    let later = (0..<6).filter { !now.contains($0) }
    let room = try Classroom(
      experiences: 3, ["now": try TableTeacher(now), "later": try TableTeacher(later)])
    let source = NamedTeachers([.init("now"), .init("later")])
    try Self.look(room, source) { step, sights in
      #expect(sights.count == (step.session.experience.index == 0 ? 1 : 2))
    }
  }

  @Test func mergesThatMakeNoSenseAreRefused() throws {
    let (room, _, _) = try Self.pair()
    func refused(_ options: String, _ teachers: [String: any Teacher] = [:]) -> String? {
      refusal {
        var room = room
        room.teachers.merge(teachers) { $1 }
        let learner = try room.learner([Method.distillation(options)])
        try learner.begin(room.stream.experience(0))
      }
    }
    #expect(
      refused("{teachers: [one, other], merge: average}")
        == "the teacher other: does not know the classes of one, and only teachers of the same are averaged")
    let third = try TableTeacher([1, 4])
    #expect(
      refused("{teachers: [one, third], merge: concatenate}", ["third": third])
        == "the teacher third: knows classes of another teacher, and only teachers of different ones are put side by "
        + "side")
    #expect(
      refused("{teachers: [one, {other: {weight: 2}}], merge: concatenate}")
        == "the teacher other: has a weight, and outputs that are put side by side cannot be weighed")
    #expect(
      refused("{teachers: [one, other], merge: concatenate, terms: [{hint: {taps: [features]}}]}")
        == "the teacher one, other: are heard as one, which has no tap `features`: use `merge: separate`, or terms "
        + "between outputs")
    #expect(
      refused(
        "{teachers: [one, wide], terms: [{hint: {taps: [features]}}]}", ["wide": try Classroom().trained()])?
        .contains(
          "hint: `features` of the student gives [2, 16] and `features` of the teacher [2, 24]; it was made for"
        )
        == true)
  }

  /// Values have no labels: the outputs of both must be as many, and only terms that need no classes compare them.
  @Test func valuesMustBeAsMany() throws {
    let random = try Generator(seed: 6)
    var room = try Classroom(["two": try TableTeacher([0, 1]), "three": try TableTeacher([0, 1, 2])])
    room.objective = Regression()
    let examples = try Examples(
      inputs: Tensor.normal([18, 8], random), targets: Tensor.normal([18, 2], random))
    let experience = try Experience(index: 0, name: "values", examples: examples)
    let learner = try room.learner([Method.distillation("{teacher: three, terms: [logits]}")])
    #expect(
      throws: DistillationError.teacher("three", "gives 3 values, and the student 2")
    ) { try learner.begin(experience) }
    let cached = try room.learner([
      Method.distillation("{teacher: {cached: {teacher: three}}, terms: [logits]}")
    ])
    #expect(
      throws: DistillationError.teacher("three", "gives 3 values, and the student 2")
    ) { try cached.begin(experience) }
    for options in [
      "{teacher: two, terms: [logits]}", "{teacher: {cached: {teacher: two}}, terms: [logits]}",
    ] {
      var values: [Double] = []
      let other = try room.learner([
        Method.distillation(options), Spy { values.append(try #require(try $0.value(of: "logits"))) },
      ])
      try other.learn(experience)
      #expect(values.count == 4 && values.allSatisfy { $0 > 0 }, "\(options)")
    }
  }
}
