import Testing
import Torch

@testable import Perennial

@Suite struct RampTests {
  @Test func itGoesFromOneEndToTheOther() {
    let linear = Ramp(from: 1, to: 5, until: 0.5)
    #expect([0, 0.125, 0.25, 0.5, 0.9, 1].map { linear($0) } == [1, 2, 3, 5, 5, 5])
    #expect(linear(-1) == 1 && linear(2) == 5)
    let cosine = Ramp(from: 2, to: 0, shape: .cosine)
    #expect(cosine(0) == 2 && abs(cosine(0.5) - 1) < 1e-12 && cosine(1) == 0)
    #expect(cosine(0.1) > Ramp(from: 2, to: 0)(0.1), "slow at the start")
    #expect(cosine(0.9) < Ramp(from: 2, to: 0)(0.9), "slow at the end")
    #expect([0, 0.3, 1].map { (4 as Ramp)($0) } == [4, 4, 4])
    #expect((linear.least, linear.most) == (1, 5) && (cosine.least, cosine.most) == (0, 2))
  }

  private static func read(_ yaml: String) throws -> Ramp {
    try ConfigurationNode(yaml: "weight: \(yaml)", source: "r.yaml")["weight"]?.decode() ?? 0
  }

  @Test(arguments: [
    ("0.5", Ramp(0.5)),
    ("{from: 1, to: 4, until: 0.5, shape: cosine}", Ramp(from: 1, to: 4, until: 0.5, shape: .cosine)),
    ("{to: 3}", Ramp(from: 0, to: 3)), ("{from: 2, to: 0}", Ramp(from: 2, to: 0)),
  ])
  func recipesWriteNumbersAndMaps(yaml: String, ramp: Ramp) throws {
    #expect(try Self.read(yaml) == ramp)
    // As it is written again it is read again.
    #expect(try NodeEncoder.encode(ramp).decode(Ramp.self) == ramp)
  }

  @Test(arguments: [
    ("{from: 1, to: 4, until: 0}", "r.yaml:1: weight.until: must be above 0, found `0`"),
    ("{from: 1, to: 4, until: 1.5}", "r.yaml:1: weight.until: must be between 0 and 1, found `1.5`"),
    (
      "{from: 1, to: 4, shape: round}",
      "r.yaml:1: weight.shape: must be `linear` or `cosine`, found `round`"
    ),
    (
      "{form: 1}",
      "r.yaml:1: weight: unknown key `form`, did you mean `from`? Allowed: `from`, `shape`, `to`, `until`"
    ),
    ("high", "r.yaml:1: weight: must be a number, found `high`"),
  ])
  func mistakes(yaml: String, message: String) {
    #expect(refusal { _ = try Self.read(yaml) } == message)
  }
}
