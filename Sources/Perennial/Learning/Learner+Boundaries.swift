import Torch

// MARK: - Boundaries that nobody told of

extension Learner {
  /// Ends what was learned since the last boundary and begins anew, in the middle of an experience: for streams whose
  /// changes have to be found. The order of the data, the optimizer and the schedule go on as if nothing had been.
  ///
  /// At their end strategies see a session of the examples learned since the last boundary, and none that are still to
  /// come; the model is in evaluation mode, as at the end of any experience.
  public func consolidate() throws {
    guard let session else { throw LearnerError.noSession }
    guard session.drawn > session.boundary else { return }
    try finish(session, isBoundary: true)
    session.boundary = session.drawn
    session.previousOutputs = model.head.outputs
    boundaries.append(totalSteps)
    for strategy in strategies { try strategy.begin(session.experience, self) }
    try select(task: session.task)
    model.train()
  }

  /// Lets strategies end a session, or what came after its last boundary.
  func finish(_ session: Session, isBoundary: Bool = false) throws {
    model.evaluate()
    defer { self.session = session }
    var experience = session.experience
    if isBoundary || session.boundary > 0 {
      let places = try session.sampler.places(since: session.boundary)
      if !session.isReplaced { experience = try experience.select(places) }
      self.session = try Session(session, experience: experience, examples: session.examples.select(places))
    }
    for strategy in strategies { try strategy.end(experience, self) }
  }
}

extension Experience {
  /// The same experience with some of its examples.
  fileprivate func select(_ places: Tensor) throws -> Experience {
    try Experience(
      index: index, name: name, examples: examples.select(places), validation: validation, task: task,
      withdrawn: withdrawn)
  }
}
