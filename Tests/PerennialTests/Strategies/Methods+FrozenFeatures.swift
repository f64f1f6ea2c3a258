@testable import Perennial

extension Method {
  static let frozenFeatures: [Method] = []
}
