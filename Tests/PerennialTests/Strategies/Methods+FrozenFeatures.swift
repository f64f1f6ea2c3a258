@testable import Perennial

extension Method {
  static func mbpa(_ change: (inout MemoryBasedAdaptation.Options) -> Void = { _ in })
    -> MemoryBasedAdaptation
  {
    var options = MemoryBasedAdaptation.Options()
    (options.memory, options.neighbours) = (14, 4)
    change(&options)
    return MemoryBasedAdaptation(options)
  }

  static func knn(_ change: (inout NearestNeighbours.Options) -> Void = { _ in }) -> NearestNeighbours {
    var options = NearestNeighbours.Options()
    (options.memory, options.neighbours) = (40, 4)
    change(&options)
    return NearestNeighbours(options)
  }

  /// A narrow expansion, so that states stay small.
  static func smallRidge() -> FrozenHead {
    var options = FrozenHead.Options()
    if let node = try? ConfigurationNode(yaml: "ridge: {width: 12}", source: "test"),
      let head = try? Selection(node)
    {
      options.head = head
    }
    return FrozenHead(options)
  }

  static let frozenFeatures: [Method] = []

  /// Those that leave training alone and answer otherwise: their laws are in `AnsweringLawTests`.
  static let answering: [Method] = [
    Method("frozen-head nearest-class-mean") { [FrozenHead(head: "nearest-class-mean")] },
    Method("frozen-head streaming-lda") { [FrozenHead(head: "streaming-lda")] },
    Method("frozen-head ridge") { [smallRidge()] },
    Method("frozen-head nearest-neighbours") { [FrozenHead(head: "nearest-neighbours")] },
    Method("knn") { [knn()] },
    Method("knn with an index, in scope, half the answer") {
      [knn { ($0.index, $0.scope, $0.share, $0.eviction) = (NeighbourGraph.Options(), 1, 0.5, .reservoir) }]
    },
    Method("mbpa") { [mbpa()] },
    Method("mbpa, decay") { [mbpa { ($0.decay, $0.steps) = (0.5, 2) }] },
  ]
}
