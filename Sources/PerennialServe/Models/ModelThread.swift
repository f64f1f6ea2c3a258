import Foundation

/// A thread that runs the work of one actor.
///
/// A model's operations take milliseconds to seconds, which the shared threads of tasks are not for; and libtorch keeps
/// settings and its pool of workers for each thread that calls it.
final class ModelThread: SerialExecutor, @unchecked Sendable {
  private let queue = JobQueue()

  /// - Parameter niceness: added to the process' own, 0 to 19: with more, others come first. Workers that the thread
  ///   makes have it too.
  init(name: String, niceness: Int32 = 0) {
    let queue = queue
    let thread = Thread {
      #if os(Linux)
        // On Linux, 0 is the calling thread.
        let thread = Int32(bitPattern: PRIO_PROCESS.rawValue)
        if niceness > 0 { setpriority(thread, 0, getpriority(thread, 0) + niceness) }
      #endif
      queue.run()
    }
    thread.name = name
    thread.stackSize = 8 << 20
    #if !os(Linux)
      thread.qualityOfService = niceness > 0 ? .background : .userInitiated
    #endif
    thread.start()
  }

  deinit { queue.stop() }

  func enqueue(_ job: consuming ExecutorJob) { queue.add(UnownedJob(job), of: self) }

  func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
}

/// The jobs that wait for a thread.
private final class JobQueue: @unchecked Sendable {
  private let condition = NSCondition()
  private var jobs: [(job: UnownedJob, executor: ModelThread)] = []
  private var isStopped = false

  func add(_ job: UnownedJob, of executor: ModelThread) {
    condition.lock()
    jobs.append((job, executor))
    condition.signal()
    condition.unlock()
  }

  func stop() {
    condition.lock()
    isStopped = true
    condition.signal()
    condition.unlock()
  }

  func run() {
    while let taken = next() {
      for (job, executor) in taken { job.runSynchronously(on: executor.asUnownedSerialExecutor()) }
    }
  }

  /// All jobs that wait; nil when there will be no more.
  private func next() -> [(job: UnownedJob, executor: ModelThread)]? {
    condition.lock()
    defer { condition.unlock() }
    while jobs.isEmpty, !isStopped { condition.wait() }
    guard !jobs.isEmpty else { return nil }
    defer { jobs = [] }
    return jobs
  }
}
