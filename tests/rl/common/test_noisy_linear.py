"""Factorised Gaussian noise on linear layers (Fortunato et al. 2017)."""

import math

import pytest
import torch
from torch import nn

from ca2_core.errors import UserError
from ca2_rl.common.noisy_linear import NoisyLinear, NoisySequential, sample_noise, with_noisy_layers


def explicit(layer, x, noise_in, noise_out):
    """Eq. 9 with the noisy weight and bias written out, for one row."""
    weight = layer.weight_mu + layer.weight_sigma * torch.outer(noise_out, noise_in)
    bias = layer.bias_mu + layer.bias_sigma * noise_out
    return weight @ x + bias


@pytest.fixture
def layer():
    torch.manual_seed(0)
    layer = NoisyLinear(5, 3)
    # Different sigmas everywhere, so that a mixed-up index shows
    nn.init.uniform_(layer.weight_sigma)
    nn.init.uniform_(layer.bias_sigma)
    return layer


def test_shared_noise_makes_one_noisy_weight_and_bias_for_all_rows(layer):
    x = torch.randn(7, 5)
    [noise] = sample_noise([layer])
    assert [part.shape for part in noise] == [(5,), (3,)]
    torch.testing.assert_close(layer(x, noise), torch.stack([explicit(layer, row, *noise) for row in x]))


def test_noise_per_row_makes_a_noisy_weight_and_bias_for_each(layer):
    x = torch.randn(7, 5)
    [(noise_in, noise_out)] = sample_noise([layer], rows=7)
    assert (noise_in.shape, noise_out.shape) == ((7, 5), (7, 3))
    expected = torch.stack([explicit(layer, *row) for row in zip(x, noise_in, noise_out, strict=True)])
    torch.testing.assert_close(layer(x, (noise_in, noise_out)), expected)


@pytest.mark.parametrize("training", [True, False])
def test_without_noise_the_means_act_and_no_random_number_is_drawn(layer, training):
    layer.train(training)
    x = torch.randn(7, 5)
    state = torch.get_rng_state()
    torch.testing.assert_close(layer(x), x @ layer.weight_mu.T + layer.bias_mu)
    assert torch.equal(torch.get_rng_state(), state)


def test_noise_acts_in_evaluation_mode_as_in_training_mode(layer):
    x, [noise] = torch.randn(2, 5), sample_noise([layer])
    assert torch.equal(layer.train()(x, noise), layer.eval()(x, noise))
    assert not torch.equal(layer(x, noise), layer(x))


@pytest.mark.parametrize(("fan_in", "sigma0"), [(4, 0.5), (400, 0.5), (100, 0.0), (9, 2.0)])
def test_initialisation_scales_weight_and_bias_by_the_fan_in(fan_in, sigma0):
    """U(+-1/sqrt in) for mu, sigma = sigma0/sqrt(in), section 3.2; the fan-out differs so that a mix-up shows."""
    torch.manual_seed(0)
    layer = NoisyLinear(fan_in, 2000, sigma0)
    bound = fan_in**-0.5
    for mu in (layer.weight_mu, layer.bias_mu):
        assert mu.abs().max() <= bound
        # Of n >= 2000 uniform numbers the largest is below 0.99 of the bound once in 0.99^-2000 > 10^8 cases
        assert mu.abs().max() > 0.99 * bound
        assert abs(mu.mean()) < 5 * bound / math.sqrt(3 * mu.numel())
    for sigma in (layer.weight_sigma, layer.bias_sigma):
        torch.testing.assert_close(sigma.detach(), torch.full_like(sigma, sigma0 * bound))
    assert layer.mean_sigma() == pytest.approx(sigma0 * bound)


@pytest.mark.parametrize("sigma0", [-0.1, math.nan, math.inf])
def test_a_scale_that_is_negative_or_no_number_is_refused(sigma0):
    with pytest.raises(UserError, match="sigma0"):
        NoisyLinear(2, 2, sigma0)


def test_noise_is_the_signed_root_of_a_standard_normal():
    """f(x) = sgn(x) sqrt|x|: f|f| is standard normal again, E f^2 = E|x| = sqrt(2/pi)."""
    torch.manual_seed(0)
    f = torch.cat([part.flatten() for part in sample_noise([NoisyLinear(500, 500)], rows=400)[0]])
    x = f * f.abs()
    n = len(x)
    assert abs(x.mean()) < 5 / math.sqrt(n)
    assert abs(x.var() - 1) < 5 * math.sqrt(2 / n)
    assert abs((x**4).mean() - 3) < 5 * math.sqrt(96 / n)  # Var x^4 = 105 - 9
    assert abs((f**2).mean() - math.sqrt(2 / math.pi)) < 5 * math.sqrt((1 - 2 / math.pi) / n)


def test_noise_of_every_layer_side_and_row_is_its_own():
    layers = [NoisyLinear(4, 4), NoisyLinear(4, 4)]
    torch.manual_seed(0)
    rows = torch.cat([part for noise in sample_noise(layers, rows=2000) for part in noise], dim=1)
    correlations = torch.corrcoef(rows.T) - torch.eye(16)
    assert correlations.abs().max() < 5 / math.sqrt(2000)
    assert len(rows.unique(dim=0)) == 2000


def test_noisy_weight_has_the_variance_that_sigma_names():
    """Var W = sigma^2 E f(out)^2 E f(in)^2 = sigma^2 2/pi, through the outputs of unit vectors; Var b = sigma^2 sqrt(2/pi)."""
    torch.manual_seed(0)
    layer, n = NoisyLinear(1, 1, sigma0=3.0), 100_000
    with torch.no_grad():
        [noise] = sample_noise([layer], rows=n)
        bias = layer(torch.zeros(n, 1), noise)
        weight = layer(torch.ones(n, 1), noise) - bias
    # Relative errors of the sample variances: kurtosis of f is pi/2, of the product of two pi^2/4
    assert bias.var() == pytest.approx(9 * math.sqrt(2 / math.pi), rel=5 * math.sqrt((math.pi / 2 - 1) / n))
    assert weight.var() == pytest.approx(9 * 2 / math.pi, rel=5 * math.sqrt((math.pi**2 / 4 - 1) / n))


def test_gradients_reach_means_and_sigmas(layer):
    layer(torch.randn(4, 5), sample_noise([layer])[0]).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in layer.parameters())


def test_noise_is_no_part_of_the_saved_state(layer):
    sample_noise([layer])
    assert set(layer.state_dict()) == {"weight_mu", "weight_sigma", "bias_mu", "bias_sigma"}


def test_a_network_keeps_its_shape_and_gives_its_layers_their_noise_in_order():
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    network = with_noisy_layers(plain, 0.5)
    assert isinstance(network, NoisySequential)
    first, activation, second = network
    assert (first.in_features, first.out_features, second.in_features, second.out_features) == (4, 6, 6, 2)
    assert activation is plain[1]
    x, noise = torch.randn(3, 4), sample_noise([first, second])
    torch.testing.assert_close(network(x, iter(noise)), second(first(x, noise[0]).relu(), noise[1]))
    torch.testing.assert_close(network(x), second(first(x).relu()))
