import Foundation
import Testing
import Torch

@testable import Perennial
@testable import PerennialVision

@Suite("Omniglot")
struct OmniglotTests {
  private let folder: TestFolder

  init() throws { folder = try TestFolder() }

  /// Drawings of some people of one character.
  private func drawings(_ set: String, _ character: String, people: [Int], first: UInt8) -> [(
    String, [UInt8]
  )] {
    [("\(set)/\(character)/", [])]
      + people.map {
        ("\(set)/\(character)/0001_0\($0).png", TestPictures.png(width: 4, height: 3, first: first))
      }
  }

  @Test("reads archives, unites the small sets, and inverts the ink")
  func archives() throws {
    let one = drawings("images_background_small1", "Greek/character01", people: [1, 2], first: 10)
    let two =
      drawings("images_background_small2", "Greek/character01", people: [1, 2], first: 10)
      + drawings("images_background_small2", "Burmese/character02", people: [3], first: 20)
      + [("images_background_small2/Burmese/character02/0001_16.png", TestPictures.png(width: 4, height: 3))]
    try folder.write("omniglot/python/images_background_small1.zip", TestArchives.zip(one))
    try folder.write("omniglot/python/images_background_small2.zip", TestArchives.zip(two))
    let dataset = try ImageDataset.omniglot(folder.root, size: nil)
    #expect(dataset.classNames == ["Burmese/character02", "Greek/character01"])
    #expect(dataset.train.labels == [0, 1, 1])
    #expect(dataset.test.labels == [0])
    #expect(dataset.train.images.shape == [3, 1, 3, 4])
    #expect(try dataset.train.images.array(of: UInt8.self)[0] == 255 - 20)
  }

  @Test("reads unpacked folders, which come before archives")
  func folders() throws {
    let all =
      drawings("images_background", "Latin/character01", people: [1], first: 3)
      + [("images_background/Latin/character01/0001_20.png", TestPictures.png(width: 4, height: 3))]
    for (path, content) in all where !path.hasSuffix("/") { try folder.write("omniglot/\(path)", content) }
    try folder.write("omniglot/images_background.zip", [1, 2, 3])
    let dataset = try ImageDataset.named("omniglot", root: folder.root)
    #expect(dataset.train.images.shape == [1, 1, 28, 28])
    #expect(dataset.classNames == ["Latin/character01"])
  }

  @Test("a folder without any part of it says what was looked for")
  func missing() throws {
    try folder.write("omniglot/README", [])
    let error = #expect(throws: MissingDataError.self) { try ImageDataset.omniglot(folder.root) }
    #expect(error?.wanted.contains("images_background.zip") == true)
  }

  @Test("a damaged member names archive and member")
  func damage() throws {
    var archive = TestArchives.zip(drawings("images_background", "A/character01", people: [1], first: 0))
    let place = try #require(archive.firstRange(of: Array("IDAT".utf8))).upperBound
    archive[place + 9] ^= 1
    try folder.write("omniglot/images_background.zip", archive)
    let error = #expect(throws: FileError.self) { try ImageDataset.omniglot(folder.root) }
    #expect(error?.kind == .corrupt)
    #expect(
      error?.file.hasSuffix("images_background.zip/images_background/A/character01/0001_01.png") == true)
  }
}
