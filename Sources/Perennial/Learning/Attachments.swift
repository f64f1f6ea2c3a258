import Torch

/// Modules that a strategy attached to networks, each found again by its network.
///
/// Every network that a blueprint makes, a teacher's as much as the learner's own, gets a module of its own.
struct Attachments<Attached: Module> {
  private struct Entry {
    weak var module: Attached?
  }

  private var entries: [ObjectIdentifier: Entry] = [:]

  /// Makes a module part of a network, under a name in checkpoints.
  mutating func attach(_ module: Attached, to network: Network, as name: String) {
    network.register(name, module)
    entries = entries.filter { $0.value.module != nil }
    entries[ObjectIdentifier(network)] = Entry(module: module)
  }

  /// The module of a network.
  subscript(network: Network) -> Attached? { entries[ObjectIdentifier(network)]?.module }
}
