@testable import Perennial

extension Method {
  static let regularization: [Method] = []
}
