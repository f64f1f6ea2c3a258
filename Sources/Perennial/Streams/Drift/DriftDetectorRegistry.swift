/// The detectors that a recipe can name: `adwin`, `{page-hinkley: {threshold: 20}}`.
public enum DriftDetectorRegistry {
  private static let makers: KeyValuePairs<String, @Sendable (Selection) throws -> any DriftDetector> = [
    "adwin": { ADWIN(try $0.decode()) },
    "ddm": { DDM(try $0.decode()) },
    "eddm": { EDDM(try $0.decode()) },
    "hddm-a": { HDDMA(try $0.decode()) },
    "hddm-w": { HDDMW(try $0.decode()) },
    "page-hinkley": { PageHinkley(try $0.decode()) },
    "kswin": { KSWIN(try $0.decode()) },
  ]

  /// The names, in the order of the documentation.
  public static var names: [String] { makers.map(\.key) }

  /// - Throws: `ConfigurationError` with the line of an unknown name or a wrong option.
  public static func make(_ selection: Selection) throws -> any DriftDetector {
    try selection.pick(from: makers, kind: "drift detector")(selection)
  }
}
