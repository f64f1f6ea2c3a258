// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "Benchmarks",
  platforms: [.macOS(.v14)],
  dependencies: [.package(name: "Perennial", path: "..")],
  targets: [
    .executableTarget(
      name: "Timings",
      dependencies: [
        .product(name: "Perennial", package: "Perennial"),
        .product(name: "PerennialText", package: "Perennial"),
        .product(name: "PerennialTokenizers", package: "Perennial"),
        .product(name: "PerennialVision", package: "Perennial"),
        .product(name: "Torch", package: "Perennial"),
      ])
  ]
)
