// Times training steps when told to, in the protocol of peers/peer.py: `work NAME STEPS` → one line of JSON.
import Foundation
import Perennial
import Torch

Runtime.keepFreedMemory()
let arguments = CommandLine.arguments
if let index = arguments.firstIndex(of: "--threads"), arguments.indices.contains(index + 1) {
  Runtime.threads = Int(arguments[index + 1]) ?? 2
} else {
  Runtime.threads = 2
}
let works =
  Array(learningWorks) + Array(strategyWorks) + Array(distillationWorks) + Array(memoryWorks)
  + Array(languageWorks)
if arguments.contains("--list") {
  print(works.map(\.key).joined(separator: "\n"))
  exit(0)
}

if arguments.contains("--strategies") {
  print(StrategyRegistry.cards.map { "\($0.family.rawValue) \($0.name)" }.joined(separator: "\n"))
  exit(0)
}

func answer(_ fields: [String: Any]) {
  let data = (try? JSONSerialization.data(withJSONObject: fields, options: .sortedKeys)) ?? Data()
  FileHandle.standardOutput.write(data + Data("\n".utf8))
}

var made: [String: (Int) throws -> [String: Any]] = [:]
while let line = readLine() {
  let words = line.split(separator: " ").map(String.init)
  do {
    if words == ["versions"] {
      answer(["perennial-torch": Runtime.version, "threads": Runtime.threads, "debug": Runtime.isDebugBuild])
    } else if words.count == 2, words[0] == "growth" {
      answer(Growth.line(words[1]))
    } else if words.count == 3, words[0] == "work", let steps = Int(words[2]), steps > 0,
      let make = works.first(where: { $0.key == words[1] })?.value
    {
      let work = try made[words[1]] ?? make()
      made[words[1]] = work
      answer(["work": words[1], "steps": steps].merging(try work(steps)) { $1 })
    } else {
      answer(["error": "not understood: \(line)"])
    }
  } catch {
    answer(["error": "\(line): \(error)"])
  }
}
