"""The optimum of Pendulum, against closed forms and the best of all torque sequences."""

import itertools
from importlib import import_module

import numpy as np
import platformdirs
import pytest
from gymnasium.envs.classic_control.pendulum import PendulumEnv
from scipy.stats import qmc

from ca2_core.errors import UserError
from ca2_rl import OUDDPG
from ca2_rl.envs import pendulum
from ca2_rl.optimum import PendulumOptimum, regret, returns

THREE = (-2.0, 0.0, 2.0)
SMALL = (80, 81)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda *args: str(folder))
    return folder


@pytest.fixture
def starts():
    return pendulum.sample_starts(300, seed=0)


def brute_force(starts, torques, horizon):
    """Best return over all sequences of torques."""
    best = np.full(len(starts), -np.inf)
    for sequence in itertools.product(torques, repeat=horizon):
        states, total = starts, np.zeros(len(starts))
        for torque in sequence:
            states, rewards = pendulum.step(states, np.full(len(starts), torque))
            total += rewards
        best = np.maximum(best, total)
    return best


@pytest.mark.parametrize("grid", [(40, 41), (200, 201)])
def test_value_of_one_step_is_off_by_the_interpolation_error_alone(starts, grid):
    """A chord lies below -theta^2 - 0.1 speed^2, by at most h^2/8 times the second derivative."""
    exact = -(starts[:, 0] ** 2) - 0.1 * starts[:, 1] ** 2
    error = exact - PendulumOptimum(torques=THREE, horizon=1, grid=grid).values(starts)
    bound = (2 * np.pi / grid[0]) ** 2 / 4 + 0.1 * (16 / (grid[1] - 1)) ** 2 / 4
    assert error.min() >= -1e-5  # float32
    assert error.max() <= bound + 1e-5


@pytest.mark.parametrize("torques", [THREE, (-2.0, -1.0, 1.5), (0.5,)])
def test_roll_out_attains_the_best_of_all_torque_sequences(starts, torques):
    """It can't exceed it, and misses it by no more than twice the error of the values that it chooses by."""
    horizon = 3
    errors = 0.0
    for k in range(1, horizon):
        states = np.random.default_rng(k).uniform([-np.pi, -3], [np.pi, 3], size=(3000, 2))
        values = PendulumOptimum(torques=torques, horizon=k, grid=(200, 201)).values(states)
        errors += np.abs(values - brute_force(states, torques, k)).max()
    assert errors < 0.1  # at hanging, where V has a kink
    best = brute_force(starts, torques, horizon)
    loss = best - PendulumOptimum(torques=torques, horizon=horizon, grid=(200, 201)).returns(starts)
    assert loss.min() >= -1e-9
    assert loss.max() <= 2 * errors


def test_values_approach_the_best_of_all_torque_sequences_as_the_grid_gets_finer(starts):
    best = brute_force(starts, THREE, 4)
    errors = [np.abs(PendulumOptimum(torques=THREE, horizon=4, grid=(n, n + 1)).values(starts) - best).mean() for n in (40, 80, 160)]
    assert errors[1] < errors[0] / 3  # second order but for the kinks where policies part
    assert errors[2] < errors[1] / 3


def test_values_are_close_to_the_returns_that_the_policy_gets():
    optimum = PendulumOptimum(torques=THREE, grid=(200, 201))
    starts = pendulum.sample_starts(300, seed=1)
    difference = optimum.returns(starts) - optimum.values(starts)
    assert np.abs(difference).mean() < 0.05 * np.abs(optimum.returns(starts)).mean()


def test_more_torques_never_lower_a_value(starts):
    few = PendulumOptimum(torques=THREE, grid=SMALL, horizon=30).values(starts)
    more = PendulumOptimum(torques=(*THREE, -1.0, 1.0), grid=SMALL, horizon=30).values(starts)
    assert (more >= few - 1e-4).all()


def test_more_steps_never_raise_a_value(starts):
    values = [PendulumOptimum(grid=SMALL, horizon=horizon).values(starts) for horizon in (1, 2, 5, 20, 100)]
    assert (np.diff(values, axis=0) <= 1e-4).all()


def test_values_of_mirrored_states_are_the_same(starts):
    optimum = PendulumOptimum(grid=SMALL, horizon=50)
    np.testing.assert_allclose(optimum.values(starts), optimum.values(-starts), rtol=1e-4, atol=1e-3)


def test_a_full_turn_more_changes_nothing(starts):
    optimum = PendulumOptimum(grid=SMALL, horizon=20)
    np.testing.assert_allclose(optimum.values(starts), optimum.values(starts + np.array([2 * np.pi, 0])), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("g", [10.0, 0.0])
def test_upright_at_rest_costs_nothing(g):
    upright = np.zeros((1, 2))
    optimum = PendulumOptimum(g, grid=SMALL)
    assert optimum.returns(upright) == 0
    assert optimum.values(upright) == pytest.approx(0, abs=1e-5)


def test_without_gravity_and_torque_the_return_is_that_of_uniform_motion(starts):
    times = np.arange(200) * pendulum.DT
    angles = pendulum.wrap_angle(starts[:, :1] + starts[:, 1:] * times)
    expected = -(angles**2 + 0.1 * starts[:, 1:] ** 2).sum(axis=1)
    np.testing.assert_allclose(PendulumOptimum(g=0.0, torques=(0.0,), grid=SMALL).returns(starts), expected, rtol=1e-9)


def test_without_gravity_and_torque_the_value_at_rest_is_the_square_of_the_angle():
    """At rest no step leaves its grid point, so the one error is that of a chord to 200 theta^2."""
    angles = np.linspace(-3, 3, 50)
    values = PendulumOptimum(g=0.0, torques=(0.0,), grid=SMALL).values(np.stack([angles, 0 * angles], axis=1))
    error = -200 * angles**2 - values
    assert error.min() > -0.01  # float32 sums of 200 rewards
    assert error.max() < 200 * (2 * np.pi / SMALL[0]) ** 2 / 4 + 0.01


def test_without_gravity_no_swing_is_needed():
    """Hanging starts: bang-bang time to turn by pi under 6 rad/s^2 is 2 sqrt(pi/6) s = 29 steps, each below pi^2 + 6.4."""
    hanging = np.array([[np.pi, 0.0]])
    weightless, heavy = (PendulumOptimum(g, grid=SMALL).returns(hanging)[0] for g in (0.0, 10.0))
    assert weightless > -30 * (np.pi**2 + 0.1 * (6 * np.sqrt(np.pi / 6)) ** 2)
    assert heavy < weightless


def test_values_stop_changing_before_a_very_long_horizon(starts):
    long, longer = (PendulumOptimum(grid=SMALL, horizon=horizon) for horizon in (5_000, 1_000_000))
    np.testing.assert_array_equal(long.values(starts), longer.values(starts))


@pytest.mark.parametrize("steps_to_go", [1, 2, 100, 5000])
def test_greedy_actions_are_of_those_allowed(starts, steps_to_go):
    optimum = PendulumOptimum(torques=(-1.0, 0.0, 2.0), grid=SMALL)
    assert set(optimum.greedy_actions(starts, steps_to_go)) <= {-1.0, 0.0, 2.0}


def test_in_the_last_step_torque_is_only_a_cost(starts):
    assert (PendulumOptimum(grid=SMALL).greedy_actions(starts, 1) == 0).all()


def test_mean_return_of_the_optimum_is_minus_137():
    """Over the start distribution, from evenly spread starts, whose sampling error is far below 1."""
    starts = qmc.scale(qmc.Sobol(2, seed=0).random(1024), [-np.pi, -1], [np.pi, 1])
    optimum = PendulumOptimum()
    attained = optimum.returns(starts)
    assert attained.mean() == pytest.approx(-137, abs=1)
    # Coarser grids attain less, up to their error of 0.03 on average
    assert PendulumOptimum(grid=(200, 201)).returns(starts).mean() < attained.mean() + 0.1
    assert np.abs(optimum.values(starts) - attained).mean() < 1


class TestCache:
    @pytest.fixture
    def computed(self, monkeypatch):
        """The settings of each table that was computed rather than read."""
        computed, compute = [], PendulumOptimum._compute
        monkeypatch.setattr(PendulumOptimum, "_compute", lambda self: computed.append(self.grid) or compute(self))
        return computed

    def test_other_starts_need_no_new_table(self, cache, starts, computed):
        first = PendulumOptimum(grid=SMALL, horizon=5)
        assert not first.is_cached
        values, returns = first.values(starts), first.returns(starts)
        second = PendulumOptimum(grid=SMALL, horizon=5)
        assert second.is_cached
        np.testing.assert_array_equal(second.values(starts), values)
        np.testing.assert_array_equal(second.returns(starts[:7]), returns[:7])
        second.returns(pendulum.sample_starts(11, seed=8))
        assert len(computed) == 1
        assert len(list(cache.iterdir())) == 1

    @pytest.mark.parametrize("change", [{"g": 9.81}, {"torques": (0.0, 2.0)}, {"horizon": 6}, {"grid": (80, 83)}], ids=str)
    def test_other_settings_have_files_of_their_own(self, cache, starts, change):
        settings = {"g": 10.0, "torques": THREE, "horizon": 5, "grid": SMALL}
        values = PendulumOptimum(**settings).values(starts)
        assert not np.array_equal(PendulumOptimum(**settings | change).values(starts), values)
        assert len(list(cache.glob("*.npy"))) == 2

    def test_a_cache_that_cannot_be_written_to_costs_one_line(self, cache, starts, computed, caplog):
        cache.write_text("a file where the folder should be")
        first, second = (PendulumOptimum(grid=SMALL, horizon=5) for _ in range(2))
        np.testing.assert_array_equal(first.returns(starts), second.returns(starts))
        assert len(computed) == 1  # this process keeps it
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "computed again next time" in caplog.text

    @pytest.mark.parametrize("damage", ["emptied", "cut off", "other text", "other numbers"])
    def test_a_damaged_file_is_computed_again(self, cache, starts, computed, damage):
        expected = PendulumOptimum(grid=SMALL, horizon=5).returns(starts)
        (path,) = cache.iterdir()
        content = path.read_bytes()
        if damage == "other numbers":
            np.save(path, np.zeros((3, 4)))
        else:
            path.write_bytes({"emptied": b"", "cut off": content[: len(content) // 2], "other text": b"not a table"}[damage])
        assert not PendulumOptimum(grid=SMALL, horizon=5).is_cached
        np.testing.assert_array_equal(PendulumOptimum(grid=SMALL, horizon=5).returns(starts), expected)
        assert path.read_bytes() == content
        assert len(computed) == 2

    def test_a_line_says_what_takes_seconds(self, starts, monkeypatch, caplog):
        caplog.set_level("INFO", logger="ca2_rl")
        monkeypatch.setattr("ca2_rl.optimum.grid.ANNOUNCED", SMALL[0] * SMALL[1] * 5)
        PendulumOptimum(grid=SMALL, horizon=4).returns(starts)
        assert not caplog.records
        PendulumOptimum(grid=SMALL, horizon=5).returns(starts)
        PendulumOptimum(grid=SMALL, horizon=5).returns(starts)
        assert [record.getMessage()[:33] for record in caplog.records] == ["Computing the optimum of Pendulum"]


@pytest.mark.parametrize(
    "wrong",
    [{"torques": ()}, {"torques": (0.0, 2.1)}, {"torques": (-3.0,)}, {"horizon": 0}, {"grid": (1, 50)}, {"grid": (50, 1)}],
    ids=str,
)
def test_wrong_settings_are_refused_by_name(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        PendulumOptimum(**wrong)


def test_an_array_of_torques_is_a_sequence_of_torques(starts):
    array = PendulumOptimum(torques=np.array(THREE), grid=SMALL, horizon=3)
    np.testing.assert_array_equal(array.returns(starts), PendulumOptimum(torques=THREE, grid=SMALL, horizon=3).returns(starts))


class Greedy:
    """The optimal policy, which knows the states that it observes and the steps to go."""

    def __init__(self, optimum, starts):
        self.optimum, self.states, self.steps_to_go = optimum, starts, pendulum.EPISODE_STEPS

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        assert deterministic
        np.testing.assert_array_equal(observation, pendulum.observe(self.states))
        torques = self.optimum.greedy_actions(self.states, self.steps_to_go)
        self.states, _ = pendulum.step(self.states, torques, self.optimum.g)
        self.steps_to_go -= 1
        return torques[:, None], None


class Constant:
    def __init__(self, torque):
        self.torque = torque

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.full((len(observation), 1), self.torque), None


@pytest.fixture
def small_optimum(monkeypatch):
    """A regret by a grid that takes no 10 s."""

    def optimum(g=pendulum.GRAVITY):
        return PendulumOptimum(g, grid=(200, 201), torques=THREE)

    # By import_module: the name regret of the package is the function, not the module
    monkeypatch.setattr(import_module("ca2_rl.optimum.regret"), "PendulumOptimum", optimum)
    return optimum


@pytest.mark.parametrize("g", [10.0, 9.81])
def test_regret_is_the_optimum_minus_the_return(small_optimum, g):
    starts = pendulum.sample_starts(20, seed=0)
    expected = small_optimum(g).returns(starts) - returns(Constant(2.0), starts, g)
    np.testing.assert_array_equal(regret(Constant(2.0), starts, g), expected)


def test_the_greedy_policy_of_the_optimum_has_no_regret(small_optimum):
    starts = pendulum.sample_starts(20, seed=0)
    assert (regret(Greedy(small_optimum(), starts), starts) == 0).all()


@pytest.mark.parametrize("torque", THREE)
def test_no_constant_torque_beats_the_optimum(small_optimum, torque):
    starts = pendulum.sample_starts(50, seed=0)
    assert regret(Constant(torque), starts).min() > 0


@pytest.mark.parametrize("g", [10.0, 9.81])
def test_returns_are_those_of_gymnasium_s_env(g):
    model = OUDDPG("MlpPolicy", PendulumEnv(g=g), seed=0, buffer_size=1, policy_kwargs={"net_arch": [16]})
    starts = pendulum.sample_starts(4, seed=0)
    env, expected = PendulumEnv(g=g), []
    for start in starts:
        env.state, env.last_u, total = start, None, 0.0
        observation = env._get_obs()
        for _ in range(pendulum.EPISODE_STEPS):
            observation, reward, *_ = env.step(model.predict(observation, deterministic=True)[0])
            total += reward
        expected.append(total)
    np.testing.assert_allclose(returns(model, starts, g), expected, rtol=1e-3)  # a batch rounds differently from one row
