@testable import Perennial

extension Method {
  static let replays: [Method] = []
}
