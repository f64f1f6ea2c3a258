import ArgumentParser
import Foundation
import Perennial

/// `perennial strategies`: what there is to choose from, and what one of them does.
struct StrategiesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "strategies",
    abstract:
      "List the strategies family by family, or explain one: what it computes, when to use it, its options.")

  @Argument(
    help: "The strategy to explain.", completion: .list(StrategyRegistry.names))
  var name: String?

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let cards = try chosen()
    if json {
      print(try OrderedJSON.text(cards.map(Entry.init)))
    } else if let card = cards.first, name != nil {
      print(Self.explanation(of: card, width: Terminal.of(STDOUT_FILENO).tableWidth))
    } else {
      print(Self.list(cards, .of(STDOUT_FILENO)))
    }
  }

  private func chosen() throws -> [StrategyCard] {
    guard let name else { return StrategyRegistry.cards }
    guard let card = StrategyRegistry.card(named: name) else {
      throw UnknownStrategy(name: name)
    }
    return [card]
  }

  static func list(_ cards: [StrategyCard], _ terminal: Terminal) -> String {
    let width = cards.map(\.name.count).max() ?? 0
    return StrategyCard.Family.allCases.compactMap { family in
      let members = cards.filter { $0.family == family }
      guard !members.isEmpty else { return nil }
      let lines = members.map {
        "  \($0.name.padding(toLength: width, withPad: " ", startingAt: 0))  \($0.summary)"
      }
      return ([terminal.paint(family.rawValue, .green)] + lines).joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  static func explanation(of card: StrategyCard, width: Int) -> String {
    var lines = ["\(card.name) — \(card.summary)", "", "  \(card.formula)", ""]
    for (title, text) in [
      ("Use it", card.use), ("Not when", card.avoid), ("Cost", card.cost), ("Paper", card.paper),
    ] {
      lines += wrapped(text, title: title, width: max(width, 40))
    }
    if !card.defaults.isEmpty {
      lines += ["", "Options and their defaults, as in a recipe:", "", "  - \(card.name):"]
      lines += card.defaults.map { "      \($0.key): \($0.value)" }
    }
    return lines.joined(separator: "\n")
  }

  private static func wrapped(_ text: String, title: String, width: Int) -> [String] {
    let indent = 10
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if !line.isEmpty, indent + line.count + 1 + word.count > width {
        lines.append(line)
        line = ""
      }
      line += line.isEmpty ? String(word) : " \(word)"
    }
    lines.append(line)
    return lines.enumerated().map { index, line in
      (index == 0 ? title : "").padding(toLength: indent, withPad: " ", startingAt: 0) + line
    }
  }

  private struct Entry: Encodable {
    let name, family, summary, formula, use, avoid, cost, paper: String
    let defaults: [String: String]

    init(_ card: StrategyCard) {
      name = card.name
      family = card.family.rawValue
      summary = card.summary
      formula = card.formula
      use = card.use
      avoid = card.avoid
      cost = card.cost
      paper = card.paper
      defaults = Dictionary(uniqueKeysWithValues: card.defaults.map { ($0.key, $0.value) })
    }
  }
}

/// A name that no strategy has.
struct UnknownStrategy: Error, CustomStringConvertible {
  let name: String

  var description: String {
    "there is no strategy \(name); known are \(StrategyRegistry.names.joined(separator: ", "))"
  }
}
