import Torch

/// A generative adversarial network (Goodfellow et al. 2014) of two multilayer perceptrons on rows `[N, D]`.
///
///     discriminator   −mean log D(x) − mean log (1 − D(G(z)))
///     generator       −mean log D(G(z))                          the non-saturating form
///
/// One step of each on every batch; leaky rectifiers of slope 0.2 and β₁ = 0.5 as Radford et al. (2016).
final class AdversarialGenerator: InputGenerator {
  private let form: InputForm
  private let generator: Perceptron
  private let discriminator: Perceptron
  private let generating: SideTraining
  private let judging: SideTraining
  private let latent: Int
  private let device: Device

  init(_ form: InputForm, _ options: GenerativeReplay.Options, device: Device, _ random: Generator) throws {
    self.form = form
    self.device = device
    latent = options.latent
    generator = try Perceptron(
      [options.latent] + options.hidden.reversed() + [form.width], leak: 0.2, random)
    discriminator = try Perceptron([form.width] + options.hidden + [1], leak: 0.2, random)
    generating = try SideTraining(
      generator, learningRate: options.learningRate, beta1: 0.5, device: device)
    judging = try SideTraining(
      discriminator, learningRate: options.learningRate, beta1: 0.5, device: device)
  }

  func learn(_ inputs: Tensor, factors: Tensor, _ random: Generator) throws {
    let count = inputs.shape[0]
    let invented = try sample(count, random)
    let real = try Self.isReal(discriminator(inputs)).squeeze(1) * factors
    try judging.descend(real.mean() + Self.isReal(-discriminator(invented)).mean())
    let drawn = try form.mean(generator(Tensor.normal([count, latent], random).to(device)))
    try generating.descend(Self.isReal(discriminator(drawn)).mean())
  }

  /// −log σ(score).
  private static func isReal(_ score: Tensor) throws -> Tensor { try (-score).softplus() }

  func sample(_ count: Int, _ random: Generator) throws -> Tensor {
    try noGrad { try form.mean(generator(Tensor.normal([count, latent], random).to(device))) }
  }

  func state() throws -> State {
    var state = State()
    state.set(try generating.state(), under: "generator")
    state.set(try judging.state(), under: "discriminator")
    return state
  }

  func restore(_ state: State) throws {
    try generating.restore(state.scoped("generator"), device)
    try judging.restore(state.scoped("discriminator"), device)
  }
}
