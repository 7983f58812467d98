import copy

import pytest
import torch
from torch import nn

from ca2_gan import create_model, load
from ca2_gan.training.callbacks import Evaluate
from ca2_gan.training.ema import Average, standing_statistics


class TestAverage:
    def test_has_its_half_life(self):
        network = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(network.weight)
        average = Average(network, 1000)
        nn.init.ones_(network.weight)
        for i in range(10):
            average.update(100, 10**6 + i)
        assert float(average.network.weight.detach()) == pytest.approx(0.5, abs=1e-6)  # half of the way after 1000 images

    def test_is_shorter_early_on(self):
        network = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(network.weight)
        average = Average(network, 1000)
        nn.init.ones_(network.weight)
        average.update(100, 2000)  # half-life 0.05 * 2000 = 100
        assert float(average.network.weight.detach()) == pytest.approx(0.5, abs=1e-6)

    def test_copies_buffers_and_leaves_the_network_alone(self):
        network = nn.BatchNorm1d(3)
        average = Average(network, 1000)
        network(torch.randn(50, 3) + 5)
        average.update(10, 10**6)
        assert torch.equal(average.network.running_mean, network.running_mean)
        assert not any(p.requires_grad for p in average.network.parameters())
        assert all(p.requires_grad for p in network.parameters())

    def test_can_be_off(self):
        network = nn.Linear(2, 2)
        average = Average(network, 0)
        nn.init.ones_(network.weight)
        average.update(1, 1)
        assert torch.equal(average.network.weight, network.weight)

    def test_of_spectral_norm_keeps_unit_vectors(self):
        network = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4))
        average = Average(network, 10)
        for _ in range(5):
            network(torch.randn(2, 4))
            average.update(5, 10**6)
        norm = average.network.parametrizations.weight[0]
        assert float(norm._u.norm()) == pytest.approx(1, abs=1e-5)
        assert float(norm._v.norm()) == pytest.approx(1, abs=1e-5)


class TestStandingStatistics:
    def test_are_those_of_the_generators_own_images(self):
        gan = create_model("dcgan", num_classes=5, image_shape=(1, 16, 16), noise_dim=10)
        standing_statistics(gan)
        dense, norm = gan.generator.layers[0], gan.generator.layers[1]
        batches = dense(gan.draw_noise(8 * 65, seed=0)).detach().view(8, 65, -1)  # 65: equal shares of 5 classes
        torch.testing.assert_close(norm.running_mean, batches.mean(dim=(0, 1)), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(norm.running_var, batches.var(dim=1).mean(dim=0), rtol=1e-4, atol=1e-5)

    def test_leave_everything_else_alone(self):
        gan = create_model("sngan", num_classes=5, image_shape=(1, 16, 16))
        before, momenta = copy.deepcopy(gan.state_dict()), [m.momentum for m in gan.modules() if isinstance(m, nn.BatchNorm2d)]
        gan.generator.eval()
        standing_statistics(gan)
        changed = {name for name, value in gan.state_dict().items() if not torch.equal(value, before[name])}
        assert all("running" in name or "num_batches_tracked" in name for name in changed)
        assert [m.momentum for m in gan.modules() if isinstance(m, nn.BatchNorm2d)] == momenta
        assert not gan.generator.training

    def test_are_what_is_sampled_saved_and_evaluated(self, run, tmp_path):
        seen = []
        trainer = run(Evaluate(lambda gan: seen.append(copy.deepcopy(gan)) or {}, 16), images=32, sample_every=16)
        for gan in (*seen, trainer.gan, load(tmp_path / "run")):
            settled = copy.deepcopy(gan)
            standing_statistics(settled)
            assert torch.equal(settled.sample(6, seed=0), gan.sample(6, seed=0))
