/// A change to a recipe from the command line.
public enum RecipeChange: Sendable, Equatable {
  /// Sets a key: `training.steps=500` or `strategies.ewc.0.ewc.lambda=10`. The value is YAML.
  case set(String)
  /// Runs with these seeds.
  case seeds([Int])
  /// Compares only these arms, and forgets what is expected of the others.
  case only([String])

  /// Makes the change.
  ///
  /// - Throws: `ConfigurationError` for a key that cannot be set.
  public func apply(to recipe: inout ConfigurationNode) throws {
    switch self {
    case .set(let text): try Self.set(text, in: &recipe)
    case .seeds(let seeds):
      let option = "--seed \(seeds.map(String.init).joined(separator: " "))"
      let value = try ConfigurationNode(option: option, yaml: "\(seeds)", path: "seeds")
      try recipe.set(["seeds"], to: value, option: option)
    case .only(let arms): try Self.keep(arms, in: &recipe)
    }
  }

  private static func set(_ text: String, in recipe: inout ConfigurationNode) throws {
    let option = "--set \(text)"
    let origin = ConfigurationOrigin.option(option)
    guard let equals = text.firstIndex(of: "=") else {
      throw ConfigurationError(origin: origin, message: "must be KEY=VALUE, such as `training.steps=500`")
    }
    let key = String(text[..<equals])
    let components = key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard components.allSatisfy({ !$0.isEmpty }) else {
      throw ConfigurationError(
        origin: origin, message: "the key must be names separated by single dots, found `\(key)`")
    }
    let value = try ConfigurationNode(
      option: option, yaml: String(text[text.index(after: equals)...]), path: key)
    try recipe.set(components, to: value, option: option)
  }

  private static func keep(_ arms: [String], in recipe: inout ConfigurationNode) throws {
    let origin = ConfigurationOrigin.option("--strategies \(arms.joined(separator: ","))")
    guard let all = recipe["strategies"]?.entries else { return }
    let unknown = ConfigurationNode(.list([]), origin: origin, path: "strategies")
    for arm in arms where !all.contains(where: { $0.key == arm }) {
      throw unknown.notAmong(all.map(\.key), arm, kind: "arm")
    }
    guard !arms.isEmpty else { throw unknown.error("must name at least one arm") }
    recipe.filter("strategies") { arms.contains($0) }
    recipe.filter("expect") { name in arms.contains(name) || !all.contains { $0.key == name } }
  }
}

extension ConfigurationNode {
  /// Keeps only some entries of the map at a key.
  fileprivate mutating func filter(_ key: String, _ isKept: (String) -> Bool) {
    guard case .map(var entries) = content, let index = index(of: key) else { return }
    guard let inner = entries[index].value.entries else { return }
    entries[index].value.content = .map(inner.filter { isKept($0.key) })
    content = .map(entries)
  }

  /// Sets the value at a path, making maps on the way where there are none; whether they make sense is for
  /// the types that decode them to say.
  ///
  /// In a list a component is an index, or the name of one of the things listed. A name that stands for
  /// itself, such as `optimizer: adam`, makes room for options: `optimizer.adam.lr`.
  fileprivate mutating func set(_ components: [String], to value: ConfigurationNode, option: String) throws {
    guard let component = components.first else {
      self = value
      return
    }
    let origin = ConfigurationOrigin.option(option)
    let rest = Array(components.dropFirst())
    switch content {
    case .map(var entries):
      if let index = index(of: component) {
        try entries[index].value.set(rest, to: value, option: option)
      } else {
        var new = ConfigurationNode.null(origin: origin, path: childPath(component))
        try new.set(rest, to: value, option: option)
        entries.append(Entry(key: component, origin: origin, value: new))
      }
      content = .map(entries)
    case .list(var items):
      let named = items.firstIndex { (try? Selection($0))?.isNamed(component) == true }
      guard let index = Int(component) ?? named, (0...items.count).contains(index) else {
        let message = "must be an index from 0 to \(items.count), or the name of one of the things listed"
        throw ConfigurationError(origin: origin, path: childPath(component), message: message)
      }
      if index == items.count { items.append(.null(origin: origin, path: childPath(component))) }
      // A name picks the thing, and stands for its options unless it is followed by itself.
      let isByName = Int(component) == nil && rest.first?.foldedKey != component.foldedKey
      try items[index].set(isByName ? [component] + rest : rest, to: value, option: option)
      content = .list(items)
    case .scalar(let text, _):
      guard isNull || text.foldedKey == component.foldedKey else {
        let message = "`\(path)` is \(found), which has no keys"
        throw ConfigurationError(origin: origin, path: childPath(component), message: message)
      }
      content = .map([])
      self.origin = origin
      try set(components, to: value, option: option)
    }
  }
}
