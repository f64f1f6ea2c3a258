import Foundation
import TestSupport
import Testing
import Torch

@testable import Perennial
@testable import PerennialVision

@Suite("The catalogue of data sets")
struct CatalogTests {
  private let folder: TestFolder

  init() throws { folder = try TestFolder() }

  private func md5(_ bytes: [UInt8]) throws -> String { try folder.md5(bytes) }

  private func dataset(_ file: RemoteFile) -> CatalogDataset {
    CatalogDataset(
      name: "test-set", title: "", modality: .image, summary: "", licence: "", homepage: "",
      folders: ["test-set"],
      files: [file])
  }

  @Test("every entry is complete, and every name that loads has one")
  func entries() throws {
    for dataset in DatasetCatalog.all {
      #expect(!dataset.title.isEmpty && !dataset.licence.isEmpty && !dataset.summary.isEmpty)
      #expect(URL(string: dataset.homepage) != nil)
      #expect(dataset.files.isEmpty == dataset.folders.isEmpty)
      for file in dataset.files {
        #expect(!file.urls.isEmpty && file.size > 0)
        #expect(file.md5.wholeMatch(of: /[0-9a-f]{32}/) != nil)
        if let sum = file.sha256 { #expect(sum.wholeMatch(of: /[0-9a-f]{64}/) != nil) }
        if case .none = file.packing { continue }
        #expect(!file.members.isEmpty)
      }
    }
    #expect(Set(DatasetCatalog.all.map(\.name)).count == DatasetCatalog.all.count)
    for name in ImageDataset.names {
      let entry = name.hasPrefix("emnist-") ? "emnist" : name == "cifar100-coarse" ? "cifar100" : name
      #expect(DatasetCatalog.dataset(entry) != nil)
    }
  }

  static let data = ProcessInfo.processInfo.environment["PERENNIAL_DATA"].map { DataRoot($0) }

  @Test(
    "the files of texts are those that the sums are of",
    .enabled(if: data != nil, "set PERENNIAL_DATA to a folder with the data sets"))
  func textsHaveTheirSums() throws {
    let root = try #require(Self.data)
    for dataset in DatasetCatalog.all where dataset.modality == .text {
      for check in try DatasetCatalog.verify(dataset.name, in: root) {
        #expect(check.outcome == .intact, "\(dataset.name): \(check.file)")
      }
    }
  }

  @Test(
    "fetch unpacks an archive, verify knows its files, and a second fetch does nothing",
    arguments: [true, false])
  func fetch(zip: Bool) async throws {
    let members = [
      (name: "top/data.bin", content: [UInt8](repeating: 5, count: 3000)),
      (name: "top/a/b.txt", content: [1]),
    ]
    let archive = zip ? TestArchives.zip(members) : TestArchives.gzip(TestArchives.tar(members))
    let server = try TestServer(content: archive)
    let set = try dataset(
      RemoteFile(
        "archive", [server.url?.absoluteString ?? ""], size: archive.count, md5: md5(archive),
        packing: zip ? .zip : .tarGzip,
        members: [.init(name: "data.bin", md5: nil), .init(name: "a/b.txt", md5: nil)]))
    func fetch() async throws -> URL {
      try await DatasetCatalog.fetch(set, into: folder.root, downloader: Downloader()) { _ in }
    }
    let place = try await fetch()
    #expect(place.path == folder.url.path + "/test-set")
    #expect(try [UInt8](Data(contentsOf: place.appendingPathComponent("data.bin"))) == members[0].content)
    #expect(try [UInt8](Data(contentsOf: place.appendingPathComponent("a/b.txt"))) == [1])
    #expect(!FileManager.default.fileExists(atPath: place.appendingPathComponent("archive").path))
    #expect(try DatasetCatalog.checks(of: set, in: place).map(\.outcome) == [.intact, .intact])
    _ = try await fetch()
    #expect(server.requests.count == 1)
    // Damage is found, and mended by the next fetch.
    try folder.write("test-set/data.bin", [6])
    let checks = try DatasetCatalog.checks(of: set, in: place)
    #expect(checks.map(\.isUsable) == [false, true])
    _ = try await fetch()
    #expect(server.requests.count == 2)
    #expect(try [UInt8](Data(contentsOf: place.appendingPathComponent("data.bin"))) == members[0].content)
  }

  @Test("verify tells missing, damaged, intact and unknown files apart")
  func verify() throws {
    let plain = try dataset(RemoteFile("x", [], size: 1, md5: md5([1])))
    try FileManager.default.createDirectory(at: folder.url, withIntermediateDirectories: true)
    #expect(try DatasetCatalog.checks(of: plain, in: folder.url).map(\.outcome) == [.missing])
    try folder.write("x", [1])
    #expect(try DatasetCatalog.checks(of: plain, in: folder.url).map(\.outcome) == [.intact])
    try folder.write("x", [2])
    let damaged = DatasetCatalog.FileCheck.Outcome.damaged(expected: try md5([1]), found: try md5([2]))
    #expect(try DatasetCatalog.checks(of: plain, in: folder.url).map(\.outcome) == [damaged])
    let packed = try dataset(
      RemoteFile(
        "a", [], size: 1, md5: "", packing: .zip,
        members: [.init(name: "x", md5: nil), .init(name: "y", md5: md5([2]))]))
    #expect(try DatasetCatalog.checks(of: packed, in: folder.url).map(\.outcome) == [.unknown, .missing])
    #expect(throws: UnknownDatasetError.self) { try DatasetCatalog.verify("no", in: folder.root) }
    #expect(throws: MissingDataError.self) { try DatasetCatalog.verify("mnist", in: folder.root) }
    #expect(try DatasetCatalog.verify("digits", in: folder.root).isEmpty)
  }

  @Test("checksums are the published ones of known texts")
  func checksums() throws {
    let file = try folder.write("abc", "abc".utf8)
    #expect(try Checksum.md5(file) == "900150983cd24fb0d6963f7d28e17f72")
    #expect(try Checksum.sha256(file) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    let error = #expect(throws: FileError.self) { try Checksum.md5(folder.url.appendingPathComponent("no")) }
    #expect(error?.kind == .missing)
  }
}

@Suite("Unpacking")
struct UnpackingTests {
  private let folder: TestFolder

  init() throws { folder = try TestFolder() }

  @Test("members that would leave the folder are refused", arguments: ["../evil", "top/../../evil", "/evil"])
  func traversal(name: String) throws {
    for (packing, bytes) in [
      (RemoteFile.Packing.zip, TestArchives.zip([(name, [1])])),
      (.tarGzip, TestArchives.gzip(TestArchives.tar([(name, [1])]))),
    ] {
      let archive = try folder.write("archive", bytes)
      let error = #expect(throws: FileError.self) {
        try Unpacking.unpack(archive, packing, into: folder.url.appendingPathComponent("inner"))
      }
      #expect(error?.place == .entry(name))
      #expect(!FileManager.default.fileExists(atPath: folder.url.appendingPathComponent("evil").path))
    }
  }

  @Test("tar: long names of GNU and POSIX, and other entries are skipped")
  func longNames() throws {
    let long = "top/" + String(repeating: "x", count: 150)
    let posix = "top/" + String(repeating: "y", count: 150)
    let bytes =
      TestArchives.tarMember("././@LongLink", Array(long.utf8) + [0], type: "L")
      + TestArchives.tarMember("top/short", [1])
      + TestArchives.tarMember("top/link", [], type: "2")
      + TestArchives.tarMember("pax", Array("163 path=\(posix)\n".utf8), type: "x")
      + TestArchives.tarMember("top/short", [2]) + TestArchives.tar([("last", [3])])
    let archive = try TarArchive(bytes, file: "a.tar")
    #expect(archive.entries.map(\.name) == [long, posix, "last"])
    #expect(archive.entries.map { archive.bytes[$0.content].first } == [1, 2, 3])
  }

  @Test("tar: damage and cuts name their offset")
  func tarErrors() throws {
    let bytes = TestArchives.tar([("a", [UInt8](repeating: 1, count: 600)), ("b", [2])])
    var damaged = bytes
    damaged[1536] ^= 1
    #expect(throws: FileError(.corrupt, "t", .byte(1536), "a damaged tar header")) {
      try TarArchive(damaged, file: "t")
    }
    for count in [100, 700, 1600] {
      let error = #expect(throws: FileError.self) { try TarArchive(Array(bytes.prefix(count)), file: "t") }
      #expect(error?.kind == .truncated)
    }
    #expect(throws: FileError.self) { try TarArchive([], file: "t") }
  }

  @Test("tar: damaged archives never crash")
  func fuzz() throws {
    var errors = 0
    for bytes in FileMutations(of: TestArchives.tar([("a", [1, 2, 3]), ("b", [4])]), count: 300) {
      do {
        let archive = try TarArchive(bytes, file: "t")
        for entry in archive.entries { _ = archive.bytes[entry.content] }
      } catch is FileError {
        errors += 1
      }
    }
    #expect(errors > 60)
  }
}
