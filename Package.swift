// swift-tools-version: 6.1
import Foundation
import PackageDescription

/// CI sets PERENNIAL_STRICT, which turns warnings into errors; a package that others depend on must not.
let isStrict = ProcessInfo.processInfo.environment["PERENNIAL_STRICT"] != nil
let strict: [SwiftSetting] = isStrict ? [.unsafeFlags(["-warnings-as-errors"])] : []

let package = Package(
  name: "Perennial",
  platforms: [.macOS(.v14)],
  products: [
    .library(name: "Torch", targets: ["Torch"]),
    .library(name: "Perennial", targets: ["Perennial"]),
    .library(name: "PerennialLife", targets: ["PerennialLife"]),
    .library(name: "PerennialVision", targets: ["PerennialVision"]),
    .library(name: "PerennialText", targets: ["PerennialText"]),
    .library(name: "PerennialTokenizers", targets: ["PerennialTokenizers"]),
    .library(name: "PerennialExport", targets: ["PerennialExport"]),
    .library(name: "PerennialServe", targets: ["PerennialServe"]),
    .executable(name: "perennial", targets: ["PerennialCommand"]),
    .executable(name: "perennial-server", targets: ["PerennialServer"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.0.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.9.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.0.0"),
    .package(url: "https://github.com/swiftcsv/SwiftCSV", from: "0.10.0"),
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.0"),
  ],
  targets: [
    .systemLibrary(name: "CLibTorch", pkgConfig: "libtorch"),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .systemLibrary(
      name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg-dev"]), .brew(["jpeg-turbo"])]),
    .systemLibrary(
      name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
    .target(name: "CTorch", dependencies: ["CLibTorch"]),
    .target(name: "CImage", dependencies: ["CPNG", "CJPEG"]),
    // hnswlib is headers alone: libhnswlib-dev.
    .target(name: "CNeighbours"),
    .target(
      name: "Torch",
      dependencies: ["CTorch", "CZlib"],
      swiftSettings: strict),
    .target(
      name: "Digests",
      dependencies: [.target(name: "COpenSSL", condition: .when(platforms: [.linux]))], swiftSettings: strict),
    .target(
      name: "Perennial",
      dependencies: ["Torch", "CNeighbours", "Digests", "Yams"],
      swiftSettings: strict),
    .target(
      name: "PerennialLife",
      dependencies: ["Perennial", "Digests", .product(name: "GRDB", package: "GRDB.swift")],
      swiftSettings: strict),
    .target(
      name: "PerennialVision",
      dependencies: ["Perennial", "CImage", "SwiftCSV"],
      resources: [.copy("Resources/digits.csv.gz"), .copy("Resources/digits.LICENSE.txt")],
      swiftSettings: strict),
    .target(name: "PerennialTokenizers", swiftSettings: strict),
    .target(
      name: "PerennialText", dependencies: ["Perennial", "PerennialTokenizers", "SwiftCSV"],
      resources: [.copy("Resources/facts.jsonl")],
      swiftSettings: strict),
    .target(
      name: "PerennialExport",
      dependencies: [
        "PerennialLife", "PerennialVision", "PerennialText",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      swiftSettings: strict),
    .target(
      name: "PerennialModalities", dependencies: ["PerennialVision", "PerennialText"], swiftSettings: strict),
    .target(
      name: "PerennialServe",
      dependencies: [
        "PerennialLife", "PerennialModalities", "Digests",
        .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOFoundationCompat", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      resources: [.embedInCode("Resources/dashboard.html"), .embedInCode("Resources/openapi.json")],
      swiftSettings: strict),
    .executableTarget(
      name: "PerennialServer",
      dependencies: [
        "PerennialLife", "PerennialServe", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "PerennialCommand",
      dependencies: [
        "PerennialLife", "PerennialModalities", "PerennialTokenizers", "PerennialExport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "custom-strategy", dependencies: ["PerennialVision"], path: "Examples/CustomStrategy",
      swiftSettings: strict),
    .executableTarget(
      name: "custom-stream", dependencies: ["PerennialVision"], path: "Examples/CustomStream",
      swiftSettings: strict),
    .executableTarget(
      name: "custom-model", dependencies: ["PerennialVision"], path: "Examples/CustomModel",
      swiftSettings: strict),
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
    .testTarget(
      name: "TorchTests", dependencies: ["Torch", "TestSupport"],
      resources: [.copy("Golden")], swiftSettings: strict),
    .testTarget(
      name: "PerennialTests", dependencies: ["Perennial", "Digests", "TestSupport"],
      resources: [.copy("Golden")],
      swiftSettings: strict),
    .testTarget(
      name: "PerennialLifeTests", dependencies: ["PerennialLife", "PerennialVision", "TestSupport"],
      resources: [.copy("Golden")], swiftSettings: strict),
    .testTarget(
      name: "PerennialVisionTests", dependencies: ["PerennialVision", "TestSupport"],
      resources: [.copy("Fixtures")],
      swiftSettings: strict),
    .testTarget(
      name: "PerennialTokenizersTests", dependencies: ["PerennialTokenizers"], resources: [.copy("Golden")],
      swiftSettings: strict),
    .testTarget(
      name: "PerennialTextTests", dependencies: ["PerennialText", "TestSupport"],
      resources: [.copy("Golden")],
      swiftSettings: strict),
    .testTarget(
      name: "PerennialExportTests", dependencies: ["PerennialExport", "PerennialLife", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "PerennialServeTests", dependencies: ["PerennialServe", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "CommandTests", dependencies: ["PerennialCommand", "TestSupport"], swiftSettings: strict),
  ],
  cxxLanguageStandard: .cxx20
)
