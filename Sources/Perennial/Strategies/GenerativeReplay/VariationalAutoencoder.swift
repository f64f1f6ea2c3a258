import Torch

/// A variational autoencoder (Kingma & Welling 2014) on rows `[N, D]`, encoder and decoder multilayer perceptrons of the
/// same widths.
///
///     L(x) = (−log p(x|z) + KL(N(μ, σ²) ‖ N(0, 1))) / D,   z = μ + σ ε,   σ = exp(½ log σ²)
///
/// Divided by D as van de Ven et al. do; for Adam the scale of a loss hardly matters.
final class VariationalAutoencoder: Module {
  let form: InputForm
  private let latent: Int
  private let encoder: Perceptron
  private let posterior: GaussianLayer
  private let decoder: Perceptron

  init(_ form: InputForm, hidden: [Int], latent: Int, _ generator: Generator) throws {
    self.form = form
    self.latent = latent
    encoder = try Perceptron([form.width] + hidden, generator)
    posterior = try GaussianLayer(hidden.last ?? form.width, latent, generator)
    decoder = try Perceptron([latent] + hidden.reversed() + [form.width], generator)
    super.init()
    register("encoder", encoder)
    register("posterior", posterior)
    register("decoder", decoder)
  }

  /// The loss of each item `[N]`, for standard normal noise `[N, latent]`.
  func losses(_ rows: Tensor, noise: Tensor) throws -> Tensor {
    let code = try posterior(encoder(rows).relu())
    let outputs = try decoder(code.sample(noise))
    return try form.reconstructionLoss(outputs, rows) + code.divergence() / form.width
  }

  /// Inputs `[N, D]` of noise `[N, latent]`.
  func decode(_ noise: Tensor) throws -> Tensor { try form.mean(decoder(noise)) }
}

/// Independent normal distributions, one of each item: means and logarithms of variances `[N, latent]`.
struct Gaussian {
  let mean: Tensor
  let logVariance: Tensor

  /// μ + σ ε for noise ε; σ is the square root of the variance, exp(½ log σ²).
  func sample(_ noise: Tensor) throws -> Tensor { try mean + (logVariance * 0.5).exp() * noise }

  /// KL(self ‖ N(0, 1)) of each item `[N]`.
  func divergence() throws -> Tensor {
    try (mean.square() + logVariance.exp() - logVariance - 1).sum([1]) * 0.5
  }

  /// KL(self ‖ prior) of each item `[N]`, each with a prior of its own.
  func divergence(from prior: Gaussian) throws -> Tensor {
    let precision = try (-prior.logVariance).exp()
    let distance = try (mean - prior.mean).square() * precision
    return try (distance + logVariance.exp() * precision - logVariance + prior.logVariance - 1).sum([1]) * 0.5
  }
}

/// Features to the mean and the logarithm of the variance of a code.
final class GaussianLayer: Module {
  private let mean: Linear
  private let logVariance: Linear

  init(_ features: Int, _ latent: Int, _ generator: Generator) throws {
    mean = try Linear(features, latent, generator)
    logVariance = try Linear(features, latent, generator)
    super.init()
    register("mean", mean)
    register("log_variance", logVariance)
  }

  func callAsFunction(_ features: Tensor) throws -> Gaussian {
    try Gaussian(mean: mean(features), logVariance: logVariance(features))
  }
}

/// A variational autoencoder with its optimizer.
final class VariationalGenerator: InputGenerator {
  private let model: VariationalAutoencoder
  private let training: SideTraining
  private let latent: Int
  private let device: Device

  init(_ form: InputForm, _ options: GenerativeReplay.Options, device: Device, _ random: Generator) throws {
    model = try VariationalAutoencoder(form, hidden: options.hidden, latent: options.latent, random)
    training = try SideTraining(model, learningRate: options.learningRate, device: device)
    latent = options.latent
    self.device = device
  }

  func learn(_ inputs: Tensor, factors: Tensor, _ random: Generator) throws {
    let noise = try Tensor.normal([inputs.shape[0], latent], random).to(device)
    try training.descend((model.losses(inputs, noise: noise) * factors).mean())
  }

  func sample(_ count: Int, _ random: Generator) throws -> Tensor {
    try noGrad { try model.decode(Tensor.normal([count, latent], random).to(device)) }
  }

  func state() throws -> State { try training.state() }
  func restore(_ state: State) throws { try training.restore(state, device) }
}
