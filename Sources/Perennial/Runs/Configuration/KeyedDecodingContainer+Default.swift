extension KeyedDecodingContainer {
  /// The value of a key, or a default where the file leaves it out.
  public func value<Value: Decodable>(_ key: Key, default initial: Value) throws -> Value {
    try decodeIfPresent(Value.self, forKey: key) ?? initial
  }
}
