import Torch

extension Network {
  /// Lets the statistics of batch normalisation be.
  func freezeStatistics() {
    for case let norm as BatchNorm in modules { norm.keepsStatistics = true }
  }
}
