import Foundation
import Testing

/// Losses that are no numbers: the run stops, says where, and keeps what was good.
@Suite struct DivergenceTests {
  @Test(arguments: ["adam", "sgd", "adamw"]) func aLossThatIsNoNumberStopsTheRun(optimizer: String) throws {
    let run = try TestRun(
      """
      stream: {data: digits, experiences: 5}
      model: {mlp: {hidden: [16]}}
      training: {optimizer: {\(optimizer): {lr: 1e30}}, batch: 16, steps: 20, checkpoint_every: 1}
      strategies: {finetune: [], lwf: [lwf]}
      seeds: [4]
      """)
    let first = try run.learn()
    #expect(first.status == 1)
    #expect(first.errors.contains("[1/2] finetune seed 4: failed after step"))
    let words = try #require(first.errors.split(separator: "\n").first { $0.hasPrefix("perennial: ") })
    #expect(words.contains("the loss is not finite at step "))
    #expect(words.contains("of experience 0,1: lower the learning rate or clip the gradient"))
    let folder = try run.run()
    let kept = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/checkpoints")
    #expect(kept.contains { $0.hasPrefix("finetune-4@") })
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/results.json"))
    // Going on from the last good checkpoint comes to the same end.
    let second = try run.learn("--resume")
    #expect(second.status == 1)
    #expect(second.errors.contains(words))
    #expect(run.runs.count == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/checkpoints") == kept)
  }

  @Test func whatWasLearnedBeforeIsKept() throws {
    let run = try TestRun(
      """
      stream: {data: digits, experiences: 5}
      model: {mlp: {hidden: [16]}}
      training: {optimizer: {sgd: {lr: 0.1}}, batch: 16, steps: 20}
      strategies: {finetune: [], ewc: [{ewc: {lambda: 1e30}}]}
      seeds: [0]
      """)
    let ending = try run.learn()
    #expect(ending.status == 1)
    #expect(ending.errors.contains("[2/2] ewc seed 0: failed after step"))
    #expect(ending.errors.contains("of experience 2,3"))
    let kept = try FileManager.default.contentsOfDirectory(atPath: run.run().path + "/checkpoints").sorted()
    #expect(kept.count == 3)
    #expect(kept[0].hasPrefix("ewc-0@0000000020-"))
    #expect(kept[1...] == ["finetune-0.record.json", "finetune-0.safetensors"])
    // Whoever sees the reason can go on with another recipe; what was measured is not lost.
    let again = try run.learn("--resume")
    #expect(again.status == 1)
    #expect(again.errors.contains("ewc seed 0: goes on at step 20"))
    #expect(!again.errors.contains("finetune seed 0: started"))
  }
}
