import Foundation
import Testing

/// The real program on a pseudo terminal: one line that rewrites itself and fits, then the table.
@Suite(.enabled(if: isLinux, "pseudo terminals are opened in the way of Linux")) struct TerminalRunTests {
  /// The two ends of a pseudo terminal.
  private struct PseudoTerminal {
    /// TIOCSPTLCK and TIOCGPTN.
    private static let setLock: UInt = 0x4004_5431
    private static let getNumber: UInt = 0x8004_5430

    let main: FileHandle
    let program: FileHandle

    init?(columns: UInt16) {
      // What posix_openpt and its kin do, which Swift does not see on Linux.
      let descriptor = open("/dev/ptmx", O_RDWR | O_NOCTTY)
      var isLocked: Int32 = 0
      var number: Int32 = 0
      guard descriptor >= 0, ioctl(descriptor, Self.setLock, &isLocked) == 0,
        ioctl(descriptor, Self.getNumber, &number) == 0
      else { return nil }
      let other = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
      guard other >= 0 else { return nil }
      var size = winsize(ws_row: 30, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
      guard ioctl(other, UInt(TIOCSWINSZ), &size) == 0 else { return nil }
      main = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
      program = FileHandle(fileDescriptor: other, closeOnDealloc: true)
    }

    /// Everything that is written until the program's end is closed.
    func read() -> String {
      var data = Data()
      var buffer = [UInt8](repeating: 0, count: 4096)
      while true {
        let count = Foundation.read(main.fileDescriptor, &buffer, buffer.count)
        guard count > 0 else { return String(decoding: data, as: UTF8.self) }
        data.append(contentsOf: buffer[..<count])
      }
    }
  }

  @Test(arguments: [60, 100] as [UInt16]) func aPersonSeesALineThatFits(columns: UInt16) throws {
    let terminal = try #require(PseudoTerminal(columns: columns))
    let run = try TestRun(
      """
      stream: {data: digits, experiences: 5}
      model: {mlp: {hidden: [64]}}
      training: {optimizer: adam, batch: 32, steps: 1000}
      strategies: {finetune: [], replay: [{replay: {memory: 50}}]}
      seeds: [0]
      """)
    let program = try Program(run.arguments, environment: ["TERM": "xterm"], terminal: terminal.program)
    try terminal.program.close()
    let text = terminal.read()
    #expect(try program.wait().status == 0)
    let rewritten = text.split(separator: "\r").filter { $0.hasPrefix("[") && $0.contains("\u{1B}[K") }
    #expect(rewritten.count >= 2, "\(text)")
    #expect(rewritten.contains { $0.contains("experience") && $0.contains("step") })
    for line in rewritten {
      let shown = line.replacing("\u{1B}[K", with: "")
      #expect(shown.count < Int(columns), "\(shown)")
    }
    #expect(text.contains("[1/2] finetune seed 0: average accuracy "))
    #expect(text.contains("[2/2] replay seed 0: average accuracy "))
    // The live line is gone before anything else is printed.
    let end = try #require(text.range(of: "average accuracy", options: .backwards))
    #expect(!text[end.lowerBound...].contains("experience 5/5"))
    for line in text[end.lowerBound...].split(whereSeparator: \.isNewline) {
      #expect(line.count <= Int(columns) || line.hasPrefix("report: "), "\(line)")
    }
  }

  @Test func aFailureNamesTheRun() throws {
    let terminal = try #require(PseudoTerminal(columns: 80))
    let run = try TestRun(
      """
      stream: {data: digits, experiences: 5}
      model: {mlp: {hidden: [64]}}
      training: {optimizer: {sgd: {lr: 1e30}}, batch: 32, steps: 200}
      strategies: {finetune: []}
      seeds: [6]
      """)
    let program = try Program(run.arguments, environment: ["TERM": "xterm"], terminal: terminal.program)
    try terminal.program.close()
    let text = terminal.read()
    #expect(try program.wait().status == 1)
    #expect(text.contains("[1/1] finetune seed 6: failed after step "))
    #expect(text.contains("perennial: the loss is not finite"))
  }
}

private let isLinux: Bool = {
  #if os(Linux)
    true
  #else
    false
  #endif
}()
