import Testing
import Torch

@testable import Perennial

@Suite struct StateTests {
  @Test func partsKeepToTheirNames() throws {
    var part = State(tensors: ["moment": try Tensor([1, 2])])
    part["count"] = 3
    var whole = State()
    whole.set(part, under: "optimizer")
    whole.set(part, under: "optimizer/inner")
    whole["count"] = 7
    #expect(whole.tensors.keys.sorted() == ["optimizer/inner/moment", "optimizer/moment"])
    let back = whole.scoped("optimizer")
    #expect(back.tensors.keys.sorted() == ["inner/moment", "moment"])
    let (inner, outer): (Int?, Int?) = (back["count"], whole["count"])
    #expect(inner == 3 && outer == 7)
    #expect(whole.scoped("opt").tensors.isEmpty)
  }

  @Test func valuesComeBackExactly() throws {
    var state = State()
    state["loss"] = 0.1 + 0.2
    state["large"] = Int.max
    state["names"] = ["ä", "\"", "\n"]
    let saved = try state.saved()
    let (loss, large, names): (Double, Int, [String]) = (
      try saved.require("loss"), try saved.require("large"), try saved.require("names")
    )
    #expect(loss == 0.1 + 0.2 && large == .max && names == ["ä", "\"", "\n"])
  }

  @Test func whatIsMissingOrOfAnotherTypeIsNamed() throws {
    var state = State()
    state["steps"] = "many"
    #expect(throws: StateError.missing("steps")) { let _: Int = try state.require("steps") }
    #expect(throws: StateError.missing("mean")) { try state.requireTensor("mean") }
    #expect("\(StateError.missing("mean"))".contains("no mean"))
  }
}

@Suite struct ClassSpaceTests {
  @Test func unitsNeverChange() throws {
    var space = ClassSpace()
    space.admit([5, 2], task: nil)
    space.admit([1, 5], task: nil)
    #expect(space.labels == [2, 5, 1])
    #expect(space.unit(of: 1) == 2 && space.unit(of: 9) == nil)
    #expect(try space.forbidden() == nil)
  }

  @Test func tasksOwnUnits() throws {
    var space = ClassSpace()
    space.admit([4, 3], task: 0)
    space.admit([3, 8], task: 2)
    #expect(space.tasks == [0: [0, 1], 2: [0, 2]])
    let forbidden = try #require(try space.forbidden())
    #expect(forbidden.shape == [3, 3])
    let rows: [Bool] = try forbidden.array()
    #expect(rows == [false, false, true, true, true, true, false, true, false])
  }
}
