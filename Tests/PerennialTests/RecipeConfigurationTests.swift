import Testing

@testable import Perennial

/// The decoder by itself, with the kinds of options that strategies have.
@Suite struct RecipeConfigurationTests {
  enum Policy: String, CaseIterable, Codable, Sendable { case reservoir, classBalanced, ring }

  struct Inner: Configurable, Equatable {
    var rate = 0.5
    var count = 3
    init() {}
    init(rate: Double) { self.rate = rate }
  }

  struct Options: Configurable, Equatable {
    var lambda = 1000.0
    var policy = Policy.classBalanced
    var decay: Double?
    var ceiling: Double? = 2
    var sizes = [400, 400]
    var name = "5"
    var isOnline = false
    var inner = Inner(rate: 0.25)
    var weights = ["a": 1.0]

    func validate(at node: ConfigurationNode) throws {
      try node.require("lambda", lambda, atLeast: 0)
      try node.require("decay", decay, in: 0...1)
    }
  }

  private func decode<Value: Decodable>(_ yaml: String, as type: Value.Type = Options.self) throws -> Value {
    try ConfigurationNode(yaml: yaml, source: "o.yaml", path: "ewc").decode(type)
  }

  private func mistake<Value: Decodable>(_ yaml: String, as type: Value.Type = Options.self) -> String? {
    do {
      _ = try decode(yaml, as: type)
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: ["{}", "", "null"]) func nothingWrittenIsAllDefaults(yaml: String) throws {
    #expect(try decode(yaml) == Options())
  }

  @Test func whatIsWrittenReplacesTheDefault() throws {
    let yaml = """
      lambda: 1e2
      policy: ring
      decay: 0.5
      ceiling: null
      sizes: []
      is_online: true
      weights: {b_c: 2}
      """
    let options = try decode(yaml)
    #expect(options.lambda == 100)
    #expect(options.policy == .ring)
    #expect(options.decay == 0.5)
    #expect(options.ceiling == nil)
    #expect(options.sizes == [])
    #expect(options.isOnline)
    #expect(options.weights == ["b_c": 2])
    #expect(options.name == "5")
  }

  @Test func nestedOptionsAreCompletedFromTheOuterDefault() throws {
    let inner = try decode("inner: {count: 9}").inner
    #expect(inner.count == 9)
    #expect(inner.rate == 0.25)
  }

  @Test(arguments: ["class-balanced", "class_balanced", "classBalanced"])
  func casesInEverySpelling(text: String) throws {
    #expect(try decode("policy: \(text)").policy == .classBalanced)
  }

  @Test(arguments: [
    (
      "policy: clas-balanced",
      "o.yaml:1: ewc.policy: unknown value `clas-balanced`, did you mean `class-balanced`? Allowed: `reservoir`, "
        + "`class-balanced`, `ring`"
    ),
    (
      "policy: [ring]",
      "o.yaml:1: ewc.policy: must be one of `reservoir`, `class-balanced`, `ring`, found a list of 1"
    ),
    ("lambda: 1\ndecay: 2", "o.yaml:2: ewc.decay: must be between 0 and 1, found `2`"),
    (
      "\ninner:\n  cuont: 1",
      "o.yaml:3: ewc.inner: unknown key `cuont`, did you mean `count`? Allowed: `count`, `rate`"
    ),
    ("lambda:", "o.yaml:1: ewc.lambda: must be a number, found nothing"),
    ("sizes: [1, two]", "o.yaml:1: ewc.sizes.1: must be a whole number, found `two`"),
    ("weights: {a: x}", "o.yaml:1: ewc.weights.a: must be a number, found `x`"),
    ("name: {a: 1}", "o.yaml:1: ewc.name: must be text, found a map with `a`"),
    ("is_online: yes", "o.yaml:1: ewc.is_online: must be `true` or `false`, found `yes`"),
    ("5", "o.yaml:1: ewc: must be a map of options, found `5`"),
    ("lamda: 1", lamda),
  ])
  func mistakes(yaml: String, message: String) {
    #expect(mistake(yaml) == message)
  }

  static let lamda =
    "o.yaml:1: ewc: unknown key `lamda`, did you mean `lambda`? Allowed: `ceiling`, `decay`, `inner`, "
    + "`is_online`, `lambda`, `name`, `policy`, `sizes`, `weights`"

  @Test(arguments: [
    ("1_000", 1000), ("2e3", 2000), ("-7", -7), ("+7", 7), ("9007199254740993", 9_007_199_254_740_993),
  ])
  func wholeNumbers(text: String, value: Int) throws {
    #expect(try decode(text, as: Int.self) == value)
  }

  @Test(arguments: ["0x10", "1.5", "nan", ".inf", "", "true", "1e400", "--1", "9223372036854775808"])
  func notWholeNumbers(text: String) {
    #expect(mistake(text, as: Int.self) != nil)
  }

  @Test func narrowAndUnsignedNumbersKeepTheirRange() throws {
    #expect(
      mistake("300", as: UInt8.self) == "o.yaml:1: ewc: must be a whole number from 0 to 255, found `300`")
    #expect(mistake("-1", as: UInt64.self)?.contains("from 0 to 18446744073709551615") == true)
    #expect(try decode("18446744073709551615", as: UInt64.self) == .max)
  }

  @Test(arguments: ["inf", "infinity", "0x1p3", "nan", "1e400", "e", "1e", ".", ""])
  func notNumbers(text: String) {
    #expect(mistake(text, as: Double.self) != nil)
  }

  @Test func infinityIsSpelledAsInYAML() throws {
    #expect(try decode(".inf", as: Double.self) == .infinity)
    #expect(try decode("-.inf", as: Double.self) == -.infinity)
  }

  @Test func encodedDefaultsDecodeToThemselves() throws {
    var options = Options()
    options.decay = 0.1 + 0.2
    options.lambda = .infinity
    options.name = "null"
    let node = try NodeEncoder.encode(options)
    #expect(try node.decode(Options.self) == options)
    #expect(try ConfigurationNode(yaml: node.yaml(), source: "o.yaml").decode(Options.self) == options)
  }

  @Test func selectionsAreNamesOrMapsWithOneKey() throws {
    let bare = try decode("adam", as: Selection.self)
    #expect(bare.name == "adam" && bare.options.isNull)
    #expect(try bare.decode(Options.self) == Options())
    let full = try decode("{ewc: {lambda: 5}}", as: Selection.self)
    #expect(full.name == "ewc")
    #expect(try full.decode(Options.self).lambda == 5)
    #expect(mistake("[]", as: Selection.self)?.contains("must be a name or a map with one key") == true)
    #expect(mistake("", as: Selection.self)?.hasSuffix("found nothing") == true)
  }

  @Test func aSelectionPicksByNameAndListsTheOthers() throws {
    let selection = try decode("past_self", as: Selection.self)
    #expect(try selection.pick(from: ["past-self": 1, "live": 2] as [String: Int], kind: "teacher") == 1)
    #expect {
      _ = try selection.pick(from: ["past": 1, "live": 2] as [String: Int], kind: "teacher")
    } throws: {
      "\($0)" == "o.yaml:1: ewc: unknown teacher `past_self`. Allowed: `live`, `past`"
    }
  }

  @Test(arguments: [
    ("lamda", "lambda"), ("teh", "the"), ("average", "average_accuracy"), ("weightdecay", "weight_decay"),
  ])
  func slipsAreRecognised(slip: String, meant: String) {
    #expect(slip.closest(in: ["batch", "lambda", "the", "average_accuracy", "weight_decay"]) == meant)
  }

  @Test func strangersAreNot() {
    #expect("momentum".closest(in: ["lambda", "lr", "betas"]) == nil)
    #expect("lr".closest(in: ["er", "xy"]) == "er")
    #expect("abc".edits(to: "acb") == 1)
    #expect("".edits(to: "abc") == 3)
    #expect("kitten".edits(to: "sitting") == 3)
  }
}
