@testable import Perennial

extension Method {
  static let generative: [Method] = []
}
