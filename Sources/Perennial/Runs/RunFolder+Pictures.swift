import Foundation

extension RunFolder {
  /// The pictures of a run folder, as the runs added them, in the order of their names.
  public static func pictures(in folder: URL) -> [Picture] { PictureFolder(folder).all }
}

/// `pictures/` of a run folder: PNG files named after the run and what they show.
struct PictureFolder {
  private let url: URL

  init(_ folder: URL) { url = folder.appendingPathComponent("pictures", isDirectory: true) }

  /// Adds a picture of one run; one of the same name is replaced.
  func add(_ picture: Picture, run: String) throws {
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    let name = "\(run) - \(picture.title)".replacing("/", with: "-")
    try AtomicFile.write(picture.png, to: url.appendingPathComponent("\(name).png"))
  }

  var all: [Picture] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    return names.sorted().filter { $0.hasSuffix(".png") }.compactMap { name in
      (try? Data(contentsOf: url.appendingPathComponent(name))).map {
        Picture(String(name.dropLast(4)), png: $0)
      }
    }
  }
}

extension Report {
  /// What strategies had to show, within the page itself.
  static func gallery(_ pictures: [Picture]) -> Markup {
    guard !pictures.isEmpty else { return "" }
    let figures = pictures.map { picture -> Markup in
      """
      <figure><figcaption>\(picture.title)</figcaption>
      <img class="drawn" alt="\(picture.title)" src="data:image/png;base64,\(picture.png.base64EncodedString())"/>
      </figure>

      """
    }
    return section("What the strategies show", "At the end of each run.", "<div>\(figures)</div>")
  }
}
