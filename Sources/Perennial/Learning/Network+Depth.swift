extension Network {
  /// The layer that a path of `parameters` belongs to: the place of its stage, or the number of stages for the head and
  /// whatever else is not part of the backbone.
  ///
  /// Parameters that no stage names, such as those of a normalisation, belong to the stage before.
  public func depths() -> [String: Int] {
    let stages = backbone.stages
    var depths: [String: Int] = [:]
    var current = 0
    for (path, _) in backbone.parameters {
      if let named = stages.lastIndex(where: { path.hasPrefix($0.name + ".") }) { current = named }
      depths[path] = current
    }
    for (path, _) in parameters where depths[path] == nil { depths[path] = stages.count }
    return depths
  }
}
