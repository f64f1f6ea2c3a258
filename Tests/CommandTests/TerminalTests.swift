import Testing

@testable import PerennialCommand

@Suite struct TerminalTests {
  @Test func aFileIsNoTerminal() {
    let terminal = Terminal(isTTY: false, columns: nil, environment: [:])
    #expect(terminal == .plain)
    #expect(terminal.paint("a", .red) == "a")
    #expect(terminal.tableWidth == .max)
  }

  @Test func colourUnlessTheUserSaysNo() {
    let terminal = Terminal(isTTY: true, columns: 120, environment: ["TERM": "xterm"])
    #expect(terminal == Terminal(isInteractive: true, hasColor: true, width: 120))
    #expect(terminal.paint("a", .red) == "\u{1B}[31ma\u{1B}[0m")
    #expect(terminal.tableWidth == 120)
    #expect(!Terminal(isTTY: true, columns: 120, environment: ["NO_COLOR": "1"]).hasColor)
    #expect(Terminal(isTTY: true, columns: 120, environment: ["NO_COLOR": ""]).hasColor)
    #expect(!Terminal(isTTY: true, columns: 120, environment: ["TERM": "dumb"]).isInteractive)
  }

  @Test(arguments: [("132", 132), ("0", 80), ("wide", 80), (nil, 80)] as [(String?, Int)])
  func theWidthMayComeFromTheEnvironment(columns: String?, width: Int) {
    let environment = columns.map { ["COLUMNS": $0] } ?? [:]
    #expect(Terminal(isTTY: true, columns: nil, environment: environment).width == width)
  }
}
