import Foundation

/// Writes an event file that TensorBoard shows: scalars, histograms, pictures and texts against the step.
///
/// One file handle for the life of the writer; events gather in memory and go to disk at most two seconds later,
/// with the next event, and when the writer closes. A log is never worth a training run: nothing here throws
/// after the file is open, and a disk that fails shows in `failure`. For one thread at a time.
public final class EventWriter {
  /// The file written to.
  public let file: URL
  /// What went wrong when writing, if anything; everything after it is dropped.
  public private(set) var failure: AtomicFileError?

  private let handle: FileHandle
  private let now: () -> Date
  private var buffer = Data()
  private var lastFlush: Date

  /// Events older than this many seconds are not kept in memory.
  static let flushInterval = 2.0

  /// Opens a new event file in `folder`, which is created when missing.
  ///
  /// - Parameters:
  ///   - suffix: ends the file's name, so that one process can write several at once.
  ///   - now: the clock, for the events' wall time.
  /// - Throws: `AtomicFileError` when the folder or the file cannot be created.
  public convenience init(folder: URL, suffix: String = "", now: @escaping () -> Date = { Date() }) throws {
    let process = ProcessInfo.processInfo
    let host = process.hostName.filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." }
    let stamp = Int64(now().timeIntervalSince1970)
    let stem = "events.out.tfevents.\(stamp).\(host).\(process.processIdentifier)"
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw AtomicFileError("create the folder", folder.path)
    }
    var attempt = 0
    while true {
      let name = attempt == 0 ? stem + suffix : "\(stem).\(attempt)\(suffix)"
      do {
        try self.init(appendingTo: folder.appendingPathComponent(name), flags: O_CREAT | O_EXCL, now: now)
        return
      } catch let error as AtomicFileError where error.code == EEXIST && attempt < 1000 {
        attempt += 1
      }
    }
  }

  /// Opens the file itself and begins it with the record that says what it is.
  init(appendingTo file: URL, flags: Int32 = 0, now: @escaping () -> Date = { Date() }) throws {
    let descriptor = open(file.path, O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0o644)
    guard descriptor >= 0 else { throw AtomicFileError("create the event file", file.path) }
    self.file = file
    self.now = now
    handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    lastFlush = now()
    var version = ProtobufMessage()
    version.add(1, lastFlush.timeIntervalSince1970)
    version.add(3, "brain.Event:2")
    record(version)
    flush()
  }

  deinit { flush() }

  /// One number at one step. A NaN or infinity is kept: TensorBoard marks it.
  public func scalar(_ tag: String, _ value: Double, step: Int) {
    var entry = ProtobufMessage()
    entry.add(1, tag)
    entry.add(2, Float(value))
    summary(entry, step: step)
  }

  /// How `values` are distributed at one step, in `buckets` of equal width. Values that are not finite are left out.
  public func histogram(_ tag: String, _ values: [Double], step: Int, buckets: Int = 30) {
    let finite = values.filter(\.isFinite)
    guard let low = finite.min(), let high = finite.max(), buckets > 0 else { return }
    // Values that are all the same make one bucket of no width, which TensorBoard draws as such.
    let buckets = high > low ? buckets : 1
    let width = (high - low) / Double(buckets)
    guard width.isFinite else { return }
    var counts = [Double](repeating: 0, count: buckets)
    for value in finite { counts[width > 0 ? min(Int((value - low) / width), buckets - 1) : 0] += 1 }
    var histogram = ProtobufMessage()
    histogram.add(1, low)
    histogram.add(2, high)
    histogram.add(3, Double(finite.count))
    histogram.add(4, finite.reduce(0, +))
    histogram.add(5, finite.reduce(0) { $0 + $1 * $1 })
    histogram.add(6, (1...buckets).map { $0 == buckets ? high : low + width * Double($0) })
    histogram.add(7, counts)
    var entry = ProtobufMessage()
    entry.add(1, tag)
    entry.add(5, histogram)
    summary(entry, step: step)
  }

  /// A picture at one step, given as the bytes of a PNG file.
  public func image(_ tag: String, png: Data, width: Int, height: Int, step: Int) {
    var image = ProtobufMessage()
    image.add(1, height)
    image.add(2, width)
    image.add(3, 4)
    image.add(4, png)
    var entry = ProtobufMessage()
    entry.add(1, tag)
    entry.add(4, image)
    summary(entry, step: step)
  }

  /// A text at one step, which TensorBoard renders as Markdown.
  public func text(_ tag: String, _ text: String, step: Int = 0) {
    var plugin = ProtobufMessage()
    plugin.add(1, "text")
    var metadata = ProtobufMessage()
    metadata.add(1, plugin)
    var dimension = ProtobufMessage()
    dimension.add(1, 1)
    var shape = ProtobufMessage()
    shape.add(2, dimension)
    var tensor = ProtobufMessage()
    tensor.add(1, 7)
    tensor.add(2, shape)
    tensor.add(8, text)
    var entry = ProtobufMessage()
    entry.add(1, tag)
    entry.add(8, tensor)
    entry.add(9, metadata)
    summary(entry, step: step)
  }

  /// Hands everything gathered so far to the system.
  public func flush() {
    lastFlush = now()
    guard failure == nil, !buffer.isEmpty else { return }
    do {
      try AtomicFile.Writer(descriptor: handle.fileDescriptor, path: file.path).write(buffer)
    } catch {
      failure = error as? AtomicFileError ?? AtomicFileError("write", file.path)
    }
    buffer.removeAll(keepingCapacity: true)
  }

  private func summary(_ entry: ProtobufMessage, step: Int) {
    var summary = ProtobufMessage()
    summary.add(1, entry)
    var event = ProtobufMessage()
    event.add(1, now().timeIntervalSince1970)
    event.add(2, step)
    event.add(5, summary)
    record(event)
    if abs(now().timeIntervalSince(lastFlush)) >= Self.flushInterval { flush() }
  }

  /// Length, its checksum, the event, its checksum.
  private func record(_ event: ProtobufMessage) {
    guard failure == nil else { return }
    let length = withUnsafeBytes(of: UInt64(event.bytes.count).littleEndian) { Array($0) }
    buffer += length
    append(CRC32C.masked(length))
    buffer += event.bytes
    append(CRC32C.masked(event.bytes))
  }

  private func append(_ checksum: UInt32) {
    withUnsafeBytes(of: checksum.littleEndian) { buffer.append(contentsOf: $0) }
  }
}
