@testable import Perennial

extension Method {
  static let transfer: [Method] = []
}
