import Perennial

extension VisionModels {
  /// The same model with narrower layers, as a student of it has.
  ///
  /// - Parameter divisor: how often the widths of the new one go into those of the old.
  /// - Throws: `ConfigurationError` at a model that has no widths to choose, or is none of these.
  public static func slimmer(_ selection: Selection, by divisor: Int) throws -> Selection {
    func width(_ value: Int, atLeast least: Int = 4) -> Int { min(value, max(value / divisor, least)) }
    func model(_ options: some Encodable) throws -> Selection {
      let value = try NodeEncoder.encode(options)
      return try Selection(
        ConfigurationNode(
          .map([.init(key: selection.name, origin: .builtIn, value: value)]), origin: .builtIn))
    }
    let sizes: KeyValuePairs<String, () throws -> Selection> = [
      "mlp": {
        var options = try selection.decode(MLPOptions.self)
        options.hidden = options.hidden.map { width($0) }
        return try model(options)
      },
      "small-cnn": {
        var options = try selection.decode(SmallCNNOptions.self)
        (options.channels, options.hidden) = (options.channels.map { width($0) }, width(options.hidden))
        return try model(options)
      },
      "strided-cnn": {
        var options = try selection.decode(StridedCNNOptions.self)
        options.channels = width(options.channels)
        return try model(options)
      },
      "slim-resnet18": {
        var options = try selection.decode(SlimResNet18Options.self)
        options.width = width(options.width)
        return try model(options)
      },
      "resnet18": {
        var options = try selection.decode(ResNet18Options.self)
        options.width = width(options.width)
        return try model(options)
      },
      "cifar-resnet": {
        var options = try selection.decode(CIFARResNetOptions.self)
        options.width = width(options.width)
        options.widths = options.widths?.map { width($0) }
        return try model(options)
      },
    ]
    guard let size = sizes.first(where: { selection.isNamed($0.key) })?.value else {
      throw selection.node.error(
        "`\(selection.name)` has no widths to make smaller (\(sizes.map(\.key).joined(separator: ", ")) have): name the "
          + "student's model")
    }
    return try size()
  }
}
