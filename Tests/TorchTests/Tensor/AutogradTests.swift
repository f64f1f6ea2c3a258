import Foundation
import Testing

@testable import Torch

@Suite("Autograd")
struct AutogradTests {
  private func leaf(_ values: [Double]) throws -> Tensor {
    let tensor = try Tensor(values)
    try tensor.setRequiresGrad(true)
    return tensor
  }

  @Test("gradients leave .gradient untouched, backward adds to it")
  func gradientsAndBackward() throws {
    let x = try leaf([1, 2, 3])
    let found = try gradients(of: (x * x).sum(), withRespectTo: [x])
    #expect(try found[0].array(of: Double.self) == [2, 4, 6])
    #expect(try x.gradient == nil)
    try (x * x).sum().backward()
    try (x * x).sum().backward()
    #expect(try x.gradient?.array(of: Double.self) == [4, 8, 12])
    try x.setGradient(nil)
    #expect(try x.gradient == nil)
    expectError(.shape, "[2]", "[3]") { try x.setGradient(Tensor([Float(1), 2])) }
    expectError(.shape, "float32") { try x.setGradient(Tensor([Float(1), 2, 3])) }
  }

  @Test("seeds weigh several outputs")
  func seeds() throws {
    let x = try leaf([1, 2])
    let outputs = try [x * 3, x.exp()]
    let seeds = try [Tensor([1.0, 10]), Tensor([0.0, 1])]
    let found = try gradients(of: outputs, withRespectTo: [x], seeds: seeds)
    expectClose(found[0], try Tensor([3, 30 + Foundation.exp(2.0)]))
    expectError(.shape, "2 outputs") {
      try gradients(of: [x * 3, x.exp()], withRespectTo: [x], seeds: [Tensor([1.0, 1])])
    }
    expectError(.shape, "1 outputs") { try gradients(of: [(x * 3).sum()], withRespectTo: [x], seeds: []) }
  }

  @Test("inputs that play no part are an error, or zeros on request")
  func unused() throws {
    let (x, y) = (try leaf([1, 2]), try leaf([3, 4, 5]))
    expectError(.autograd) { try gradients(of: x.sum(), withRespectTo: [x, y]) }
    let found = try gradients(of: x.sum(), withRespectTo: [x, y], allowUnused: true)
    #expect(try found[1].array(of: Double.self) == [0, 0, 0])
    #expect(try found[0].array(of: Double.self) == [1, 1])
  }

  @Test("derivatives of higher order")
  func higherOrder() throws {
    let x = try leaf([2, -1])
    let first = try gradients(of: x.pow(4).sum(), withRespectTo: [x], createGraph: true)[0]
    let second = try gradients(of: first.sum(), withRespectTo: [x], createGraph: true)[0]
    let third = try gradients(of: second.sum(), withRespectTo: [x])[0]
    #expect(try first.array(of: Double.self) == [32, -4])
    #expect(try second.array(of: Double.self) == [48, 12])
    #expect(try third.array(of: Double.self) == [48, -24])
  }

  @Test("a retained graph can be used again")
  func retained() throws {
    let x = try leaf([3])
    let y = try (x * x).sum()
    let first = try gradients(of: y, withRespectTo: [x], retainGraph: true)[0]
    let second = try gradients(of: y, withRespectTo: [x])[0]
    #expect(try first.item() == 6 && second.item() == 6)
    expectError(.autograd) { try gradients(of: y, withRespectTo: [x]) }
  }

  @Test("noGrad and withGrad nest, and come back after errors")
  func nesting() throws {
    let x = try leaf([1])
    #expect(isGradEnabled)
    func isTracked() throws -> Bool { try (x * 2).requiresGrad }
    try noGrad {
      let outside = try isTracked()
      let inside = try withGrad { try (isTracked(), noGrad { try isTracked() }, isTracked(), isGradEnabled) }
      #expect(!outside && !isGradEnabled)
      #expect(inside == (true, false, true, true))
      let again = try isTracked()
      #expect(!again)
    }
    #expect(throws: TorchError.self) { try noGrad { try x.view([5]) } }
    #expect(isGradEnabled)
    #expect(noGrad { 7 } == 7)
  }

  @Test("the mode belongs to the thread")
  func threads() throws {
    let box = Box()
    noGrad {
      let thread = Thread { box.enter() }
      thread.start()
      box.wait()
      #expect(!isGradEnabled)
    }
    #expect(box.sawGradient == true)
    #expect(isGradEnabled)
  }

  private final class Box: @unchecked Sendable {
    private let done = DispatchSemaphore(value: 0)
    private(set) var sawGradient: Bool?

    func enter() {
      sawGradient = isGradEnabled
      noGrad { done.signal() }
    }

    func wait() { done.wait() }
  }

  @Test("leaves, and what leaves the graph")
  func leaves() throws {
    let x = try leaf([1])
    let y = try x * 2
    #expect(try x.isLeaf && !y.isLeaf && y.requiresGrad)
    #expect(try !y.detach().requiresGrad)
    #expect(try y.detach().isLeaf)
  }
}
