import Foundation
import Perennial
import Torch

/// The versions of a model as files: blobs named after their content, a manifest for each version named after its own,
/// and `CURRENT`, which names the manifest of the version that serves.
///
/// Whatever is written is written beside what is there and renamed; `CURRENT` comes last. Serving needs these files alone.
public struct VersionStore: Sendable {
  public let url: URL

  public init(_ url: URL) { self.url = url }

  static let pointerName = "CURRENT"
  var versions: URL { url.appendingPathComponent("versions", isDirectory: true) }
  var blobs: URL { url.appendingPathComponent("blobs", isDirectory: true) }
  var pointer: URL { url.appendingPathComponent(Self.pointerName) }
  /// What the model is made from: a folder with an encoder, weights to start from.
  var modelFiles: URL { url.appendingPathComponent("model", isDirectory: true) }

  /// Whether this is a model directory.
  public var exists: Bool {
    FileManager.default.fileExists(atPath: url.appendingPathComponent(LifeConfiguration.fileName).path)
      && FileManager.default.fileExists(atPath: versions.path)
  }

  // MARK: - Manifests

  /// The name of the manifest that `CURRENT` points at.
  public func currentName() throws -> String {
    guard let text = try? String(contentsOf: pointer, encoding: .utf8) else {
      throw exists ? LifeError.noVersion(path: url.path) : LifeError.notADirectory(path: url.path)
    }
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  func point(to name: String) throws { try AtomicFile.write(Data((name + "\n").utf8), to: pointer) }

  /// The names of all manifests, in the order of their versions.
  func names() -> [String] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: versions.path)) ?? []
    return all.filter { $0.hasSuffix(".json") && !$0.hasPrefix(".") }.map { String($0.dropLast(5)) }.sorted()
  }

  /// The number of the version that a manifest's name begins with.
  public static func number(of name: String) -> Int? { name.split(separator: "-").first.flatMap { Int($0) } }

  /// While weights are written anew there are two of a number: the one that serves counts.
  func name(of number: Int) -> String? {
    if let current = try? currentName(), Self.number(of: current) == number { return current }
    return names().last { Self.number(of: $0) == number }
  }

  /// The numbers of the versions that are here.
  public func numbers() -> [Int] { Array(Set(names().compactMap(Self.number))).sorted() }

  /// - Throws: `LifeError.damagedVersion` for a file that is not what its name says, `LifeError.newerFormat`.
  func manifest(named name: String) throws -> VersionManifest {
    let file = versions.appendingPathComponent(name + ".json")
    let number = Self.number(of: name) ?? 0
    guard let data = try? Data(contentsOf: file) else {
      throw LifeError.damagedVersion(number, file: file.path, reason: "is missing or cannot be read")
    }
    guard try Self.name(number, data) == name else {
      throw LifeError.damagedVersion(number, file: file.path, reason: "is not what was written")
    }
    struct Format: Decodable { let format: Int }
    let format = (try? JSONDecoder().decode(Format.self, from: data))?.format ?? 0
    guard format <= VersionManifest.currentFormat else {
      throw LifeError.newerFormat(path: url.path, found: format, known: VersionManifest.currentFormat)
    }
    do {
      return try JSONDecoder().decode(VersionManifest.self, from: data)
    } catch {
      throw LifeError.damagedVersion(number, file: file.path, reason: "cannot be understood: \(error)")
    }
  }

  /// The version of a number.
  ///
  /// - Throws: `LifeError.unknownVersion`, `LifeError.damagedVersion`.
  public func manifest(_ number: Int) throws -> VersionManifest {
    guard let name = name(of: number) else {
      throw LifeError.unknownVersion(number, kept: numbers())
    }
    return try manifest(named: name)
  }

  /// The version that serves.
  public func current() throws -> VersionManifest { try manifest(named: currentName()) }

  /// The version that serves or, where that is damaged, the newest one that is whole, and what to tell about it.
  public func newestWhole() throws -> (manifest: VersionManifest, state: State, warning: String?) {
    var warning: String?
    let first = try currentName()
    let number = Self.number(of: first) ?? .max
    for name in [first] + names().reversed().filter({ (Self.number(of: $0) ?? 0) < number }) {
      do {
        let manifest = try manifest(named: name)
        return (
          manifest, try state(of: manifest), warning.map { "\($0); version \(manifest.version) serves" }
        )
      } catch LifeError.damagedVersion(let number, let file, let reason) {
        warning = warning ?? "version \(number) is damaged: \(file) \(reason)"
      }
    }
    throw LifeError.noVersion(path: url.path)
  }

  private static func name(_ number: Int, _ manifest: Data) throws -> String {
    let digits = "\(number)"
    return try String(repeating: "0", count: max(0, 6 - digits.count)) + digits + "-"
      + Recipe.sha256(of: manifest).prefix(16)
  }

  // MARK: - Blobs

  func file(of blob: VersionManifest.Blob) -> URL {
    blobs.appendingPathComponent(blob.sha256 + ".safetensors")
  }

  /// Everything of a version but what its files give.
  ///
  /// - Parameter parts: the names of the blobs to read; all where nil.
  /// - Throws: `LifeError.damagedVersion`.
  func state(of manifest: VersionManifest, parts: Set<String>? = nil) throws -> State {
    var state = State()
    for (part, blob) in manifest.blobs.sorted(by: { $0.key < $1.key }) where parts?.contains(part) ?? true {
      let file = file(of: blob)
      guard let data = try? Data(contentsOf: file, options: .mappedIfSafe) else {
        throw LifeError.damagedVersion(
          manifest.version, file: file.path, reason: "is missing or cannot be read")
      }
      guard data.count == blob.bytes, try Recipe.sha256(of: data) == blob.sha256 else {
        throw LifeError.damagedVersion(manifest.version, file: file.path, reason: "is not what was written")
      }
      let contents = try Safetensors.read(file)
      let prefix = part == VersionManifest.stateBlob ? "" : "\(VersionManifest.modelBlob)/"
      for (name, tensor) in contents.tensors { state.tensors[prefix + name] = tensor }
      for (name, value) in contents.metadata { state.values[prefix + name] = value }
    }
    return state
  }

  /// Writes a version and does not point at it yet.
  ///
  /// - Returns: the manifest's name, and the manifest with its blobs.
  func write(_ manifest: VersionManifest, _ state: State) throws -> (name: String, manifest: VersionManifest)
  {
    var manifest = manifest
    var rest = state
    var (model, resting) = (State(), State())
    let prefix = "\(VersionManifest.modelBlob)/"
    let omitted = Set(manifest.fromFiles)
    let frozen = Set<String>(state["frozen"] ?? [])
    for (name, tensor) in state.tensors where name.hasPrefix(prefix) {
      rest.tensors[name] = nil
      let path = String(name.dropFirst(prefix.count))
      guard !omitted.contains(path) else { continue }
      if frozen.contains(path) { resting.tensors[path] = tensor } else { model.tensors[path] = tensor }
    }
    manifest.blobs = [
      VersionManifest.modelBlob: try write(model), VersionManifest.stateBlob: try write(rest),
    ]
    if !resting.tensors.isEmpty { manifest.blobs[VersionManifest.restingBlob] = try write(resting) }
    return (try write(manifest), manifest)
  }

  /// A version anew whose weights stay as they are, and what is to be written for it.
  ///
  /// - Parameter rest: everything but the weights, as ``state(of:parts:)`` reads it.
  func renewed(_ manifest: VersionManifest, _ rest: State) throws -> (
    name: String, files: [(data: Data, url: URL)]
  ) {
    var manifest = manifest
    let (blob, data) = try Self.encoded(rest)
    manifest.blobs[VersionManifest.stateBlob] = blob
    let (name, file) = try encoded(manifest)
    return (name, [(data, self.file(of: blob)), file])
  }

  private static func encoded(_ part: State) throws -> (blob: VersionManifest.Blob, data: Data) {
    let data = try Safetensors.encode(part.tensors, metadata: part.values)
    return (VersionManifest.Blob(sha256: try Recipe.sha256(of: data), bytes: data.count), data)
  }

  private func write(_ part: State) throws -> VersionManifest.Blob {
    let (blob, data) = try Self.encoded(part)
    let file = file(of: blob)
    let isThere =
      try (try? Data(contentsOf: file, options: .mappedIfSafe)).map { try Recipe.sha256(of: $0) }
      == blob.sha256
    if !isThere { try AtomicFile.write(data, to: file) }
    return blob
  }

  private func encoded(_ manifest: VersionManifest) throws -> (name: String, file: (data: Data, url: URL)) {
    let data = Data(try OrderedJSON.text(manifest).utf8)
    let name = try Self.name(manifest.version, data)
    return (name, (data, versions.appendingPathComponent(name + ".json")))
  }

  /// Writes a manifest whose blobs are there.
  func write(_ manifest: VersionManifest) throws -> String {
    let (name, file) = try encoded(manifest)
    try AtomicFile.write(file.data, to: file.url)
    return name
  }

  // MARK: - Clearing away

  /// Removes every manifest but those named, every blob that none of these needs, and what killed writers have left. Where
  /// one of these cannot be read, all blobs stay: it may be mended.
  func collectGarbage(keeping names: Set<String>) throws {
    for folder in [url, versions, blobs] { AtomicFile.removeLeftovers(in: folder) }
    for name in self.names() where !names.contains(name) {
      try? FileManager.default.removeItem(at: versions.appendingPathComponent(name + ".json"))
    }
    guard let kept = try? names.map(manifest(named:)) else { return }
    let needed = Set(kept.flatMap { $0.blobs.values.map { file(of: $0).lastPathComponent } })
    for file in (try? FileManager.default.contentsOfDirectory(atPath: blobs.path)) ?? []
    where !needed.contains(file) {
      try? FileManager.default.removeItem(at: blobs.appendingPathComponent(file))
    }
  }

  // MARK: - What the model is made from

  /// Copies what the model is made from into a folder.
  ///
  /// - Throws: `CocoaError` when the disk refuses.
  public func copyModelFiles(to folder: URL) throws {
    let manager = FileManager.default
    guard manager.fileExists(atPath: modelFiles.path) else { return }
    for name in try manager.contentsOfDirectory(atPath: modelFiles.path).sorted() {
      try manager.copyItem(
        at: modelFiles.appendingPathComponent(name), to: folder.appendingPathComponent(name))
    }
  }

  /// The SHA-256 of each file below `model/`, by its path there.
  func digests() throws -> [String: String] {
    guard let all = FileManager.default.enumerator(atPath: modelFiles.path) else { return [:] }
    var digests: [String: String] = [:]
    for case let path as String in all {
      let file = modelFiles.appendingPathComponent(path)
      guard (try? file.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == true else { continue }
      digests[path] = try Recipe.sha256(of: Data(contentsOf: file, options: .mappedIfSafe))
    }
    return digests
  }

  /// - Throws: `LifeError.damagedVersion` where a file that a version is made from has changed.
  func checkFiles(of manifest: VersionManifest) throws {
    for (path, digest) in manifest.files.sorted(by: { $0.key < $1.key }) {
      let file = modelFiles.appendingPathComponent(path)
      guard let data = try? Data(contentsOf: file, options: .mappedIfSafe),
        try Recipe.sha256(of: data) == digest
      else {
        throw LifeError.damagedVersion(
          manifest.version, file: file.path, reason: "is missing or is not the one it was learned with")
      }
    }
  }
}
