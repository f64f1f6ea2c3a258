@testable import Perennial

extension Method {
  static let isolation: [Method] = []
}
