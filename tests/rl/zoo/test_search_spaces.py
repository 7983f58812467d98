import optuna
import pytest

from ca2_rl.common.action_bins import MAX_ACTIONS
from ca2_rl.zoo.hyperparams import check_values, constructor_parameters
from ca2_rl.zoo.plugins import register
from ca2_rl.zoo.search_spaces import convert

KEYS = sorted(key for key, plugin in register().items() if plugin.sampler is not None)


def draw(key, n_actions=1, seed=0):
    """A trial of a study, and what the sampler made of it."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()
    return trial, register()[key].sampler(trial, n_actions, 1, {})


def as_in_a_file(key, seed):
    trial, _ = draw(key, seed=seed)
    return register()[key].converter(trial.params)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("seed", range(20))
def test_a_trial_is_converted_to_what_was_sampled(key, seed):
    trial, sampled = draw(key, seed=seed)
    converted = register()[key].converter(trial.params)
    assert converted.keys() == sampled.keys()
    for name in converted.keys() - {"learning_rate"}:
        assert converted[name] == sampled[name]
    start = trial.params["learning_rate"]
    for left in (1.0, 0.25):
        assert sampled["learning_rate"](left) == pytest.approx(start * left if trial.params["lr_decays"] else start)
    assert converted["learning_rate"] == (f"lin_{start}" if trial.params["lr_decays"] else start)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("seed", range(20))
def test_what_is_converted_passes_the_check_of_a_file(key, seed):
    hyperparams = as_in_a_file(key, seed) | {"policy": "MlpPolicy", "n_timesteps": 100}
    check_values(hyperparams, register()[key].algorithm, "trial")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("seed", range(4))
def test_every_sample_makes_an_agent(key, seed):
    _, sampled = draw(key, seed=seed)
    agent = register()[key].algorithm("MlpPolicy", "Pendulum-v1", buffer_size=10, **sampled)
    assert agent.gamma == sampled["gamma"]
    assert agent.policy.net_arch == sampled["policy_kwargs"]["net_arch"]
    assert agent.policy.activation_fn.__name__ == sampled["policy_kwargs"]["activation_fn"]
    network = agent.critic if key == "ouddpg" else agent.policy
    assert network.optimizer.defaults["weight_decay"] == sampled["policy_kwargs"]["optimizer_kwargs"]["weight_decay"] > 0
    if key == "ouddpg":
        assert len(agent.critic.q_networks) == sampled["policy_kwargs"]["n_critics"]


@pytest.mark.parametrize("seed", range(8))
def test_weight_decay_of_the_actor_is_searched(seed):
    trial, sampled = draw("ouddpg", seed=seed)
    agent = register()["ouddpg"].algorithm("MlpPolicy", "Pendulum-v1", buffer_size=10, **sampled)
    expected = trial.params["weight_decay"] if trial.params["decay_actor"] else 0
    assert agent.actor.optimizer.defaults["weight_decay"] == expected


@pytest.mark.parametrize("seed", range(8))
def test_what_critics_make_together_is_searched_where_there_are_several(seed):
    trial, sampled = draw("ouddpg", seed=seed)
    assert ("critic_aggregation" in sampled) == (trial.params["n_critics"] > 1)


def test_rainbow_s_parts_are_searched_and_what_they_need_with_them():
    needs = {
        "noise": ({"sigma0"}, {"exploration_fraction", "exploration_final_eps"}),
        "distribution": ({"n_quantiles"}, set()),
        "prioritized_replay": ({"priority_alpha", "priority_beta"}, set()),
    }
    seen = set()
    for seed in range(30):
        trial, sampled = draw("rainbow", seed=seed)
        agent = register()["rainbow"].algorithm("MlpPolicy", "CartPole-v1", buffer_size=10, **sampled | {"n_bins": 3})
        assert bool(agent.sigma0) == trial.params["noise"]
        for part, (on, off) in needs.items():
            is_on = bool(trial.params[part])
            seen.add((part, is_on))
            assert (on <= trial.params.keys(), off <= trial.params.keys()) == (is_on, not is_on or not off)
    assert len(seen) == 6


def test_trials_of_earlier_searches_can_still_be_replayed():
    """docs/rl/optimize.json has trials from before activations, the critics' loss and the like were searched."""
    trial, _ = draw("ouddpg")
    since = ("activation_fn", "critic_activation_fn", "critic_loss", "critic_aggregation", "target_policy_noise", "decay_actor")
    earlier = {name: value for name, value in trial.params.items() if name not in since}
    policy_kwargs = convert(earlier)["policy_kwargs"]
    assert policy_kwargs.keys() == {"net_arch", "optimizer_kwargs", "n_critics"}


@pytest.mark.parametrize("key", KEYS)
def test_converting_does_not_change_the_trial(key):
    """A study may be shared: what is popped from its parameters would be gone for the others."""
    trial, _ = draw(key)
    params = trial.params
    before = dict(params)
    convert(params)
    assert params == before


@pytest.mark.parametrize("key", ["discretizeddqn", "noisydqn", "rainbow"])
@pytest.mark.parametrize("n_actions", [1, 2, 6, 12])
def test_bins_fit_the_dimensions_of_the_action(key, n_actions):
    sizes = draw(key, n_actions)[0].distributions["n_bins"].choices
    assert 2 in sizes
    assert max(sizes) ** n_actions <= MAX_ACTIONS
    assert n_actions > 1 or len(sizes) > 3


@pytest.mark.parametrize("key", ["discretizeddqn", "noisydqn"])
def test_a_discrete_space_has_no_bins_to_search(key):
    assert "n_bins" not in draw(key, n_actions=0)[1]


@pytest.mark.parametrize("key", KEYS)
def test_only_what_the_constructor_takes_is_sampled(key):
    assert draw(key)[1].keys() <= constructor_parameters(register()[key].algorithm).keys()


def test_what_tells_the_algorithms_apart_is_searched():
    own = {key: draw(key)[0].params.keys() for key in KEYS}
    assert {"n_bins", "double_q", "dueling", "exploration_fraction"} <= own["discretizeddqn"]
    assert {"n_bins", "sigma0"} <= own["noisydqn"]
    assert {"double_q", "dueling", "n_steps", "noise", "distribution", "prioritized_replay"} <= own["rainbow"]
    assert {"ou_sigma", "ou_theta", "n_critics", "decay_actor"} <= own["ouddpg"]
    assert [name for name in own["noisydqn"] if name.startswith("exploration_")] == ["exploration_hold"]
