import Foundation
import Testing

/// `make install` after the build: what is installed runs from anywhere.
@Suite struct InstallTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  private static let torch =
    ProcessInfo.processInfo.environment["PERENNIAL_LIBTORCH_DIR"]
    ?? root.appendingPathComponent(".libtorch").path

  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: torch + "/lib/libtorch_cpu.so"), "no libtorch in .libtorch"))
  func whatIsInstalledRunsFromAnywhere() throws {
    let stage = try TestFolder()
    let script = Self.root.appendingPathComponent("Scripts/install")
    let build = Program.url.deletingLastPathComponent().path
    let environment = ["DESTDIR": stage.path, "BUILD": build, "TORCH_HOME": Self.torch]
    for _ in 0..<2 {
      let installed = try Program(["/opt/perennial"], executable: script, environment: environment).wait()
      try #require(installed.status == 0, "\(installed)")
    }
    func file(_ path: String) -> URL { stage.url("opt/perennial/" + path) }
    for program in ["perennial", "perennial-server"] {
      let ending = try Program(["--version"], executable: file("bin/" + program)).wait()
      #expect(ending.status == 0 && !ending.output.isEmpty, "\(ending)")
      for path in [
        "share/bash-completion/completions/\(program)", "share/zsh/site-functions/_\(program)",
        "share/fish/vendor_completions.d/\(program).fish", "share/man/man1/\(program).1",
      ] {
        let text = try String(contentsOf: file(path), encoding: .utf8)
        #expect(text.contains(program.replacing("-", with: path.hasSuffix(".1") ? "\\-" : "-")), "\(path)")
      }
    }
    // Resources come along: the catalogue of strategies, and the page of the server.
    let listed = try Program(["strategies", "ewc"], executable: file("bin/perennial")).wait()
    #expect(listed.status == 0 && listed.output.contains("Kirkpatrick"), "\(listed)")
    let unit = try String(contentsOf: file("lib/systemd/system/perennial-server@.service"), encoding: .utf8)
    #expect(unit.contains("ExecStart=/opt/perennial/bin/perennial-server ") && !unit.contains("@PREFIX@"))
    #expect(FileManager.default.fileExists(atPath: file("lib/sysusers.d/perennial.conf").path))
    #expect(
      FileManager.default.fileExists(atPath: file("share/perennial/Recipes/digits/split-class.yaml").path))
    // Nothing that was built knows the stage.
    #expect(!unit.contains(stage.path))
  }

  @Test func aPrefixIsAPlace() throws {
    let script = Self.root.appendingPathComponent("Scripts/install")
    let ending = try Program(["local"], executable: script).wait()
    #expect(ending.status == 2 && ending.errors.contains("must begin with /"), "\(ending)")
  }
}
