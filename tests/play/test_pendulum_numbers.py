"""What the pendulum page computes is what Gymnasium, PyTorch and ca2_rl compute."""

import json
import subprocess
from itertools import pairwise

import gymnasium
import numpy as np
import pytest
import torch
from sb3_contrib import TQC
from stable_baselines3 import A2C, SAC
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
from torch import nn
from torch.nn import functional as F

from ca2_core.errors import UserError
from ca2_core.play.program import to_program
from ca2_core.play.server import static, write_site
from ca2_rl import OUDDPG, DiscretizedDQN, NoisyDQN, Rainbow
from ca2_rl.common.noisy_linear import with_noisy_layers
from ca2_rl.envs import pendulum
from ca2_rl.optimum import PendulumOptimum
from ca2_rl.play import load_weights
from ca2_rl.play.networks import networks_of
from ca2_rl.play.site import SHARED, STATIC, shipped_runs
from ca2_rl.zoo.agents import load_agent
from ca2_rl.zoo.plugins import register

FIVE = np.linspace(-2, 2, 5)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    write_site(static(STATIC) | static(SHARED, "/core/"), folder)
    return folder


@pytest.fixture
def compute(site, tmp_path):
    """The JSON that a module prints; ``given`` is known to it."""

    def run(script, given=None):
        (tmp_path / "given.json").write_text(json.dumps(given))
        file, given_path = tmp_path / "script.mjs", json.dumps(str(tmp_path / "given.json"))
        head = 'import { readFileSync, writeFileSync } from "node:fs";\n'
        head += f"const given = JSON.parse(readFileSync({given_path}));\n"
        file.write_text(head + script.replace('from "./', f'from "{site.as_uri()}/'))
        found = subprocess.run(["node", file], capture_output=True, text=True, timeout=600, check=False)
        assert found.returncode == 0, found.stderr
        return json.loads(found.stdout)

    return run


@pytest.mark.parametrize("world", [(10, 1, 1), (-15, 1, 1), (9.8, 2, 0.5), (0, 0.5, 2)], ids=str)
def test_physics_are_those_of_gymnasium(world, compute):
    rng = np.random.default_rng(0)
    torques = rng.uniform(-2.5, 2.5, 200)
    env = gymnasium.make("Pendulum-v1").unwrapped
    env.reset(seed=0)
    env.g, env.m, env.l = world
    theta, speed = env.state
    expected = []
    for torque in torques:
        observation, reward, *_ = env.step(np.array([torque]))
        expected.append([*env.state, reward])
        np.testing.assert_allclose(observation[0], np.cos(env.state[0]), atol=1e-6)
    script = """
import { step } from "./physics.js";
let { theta, speed } = given, rows = [];
for (const torque of given.torques) {
  const next = step(theta, speed, torque, given.world);
  rows.push([next.theta, next.speed, next.reward]);
  ({ theta, speed } = next);
}
console.log(JSON.stringify(rows));
"""
    given = {"theta": theta, "speed": speed, "torques": torques.tolist(), "world": dict(zip("gml", world, strict=True))}
    np.testing.assert_allclose(compute(script, given), expected, atol=1e-6, rtol=0)


def states(n):
    return np.random.default_rng(1).uniform([-np.pi, -8], [np.pi, 8], size=(n, 2))


@pytest.mark.parametrize("run", shipped_runs(), ids=lambda run: run.algo)
def test_shipped_agents_act_and_judge_as_in_pytorch(run, run_program):
    register()
    agent = load_agent(run.algo, run.model_path)
    observations = pendulum.observe(states(40))
    network, critic = networks_of(agent, None)
    program = to_program(network, {"observation": torch.zeros(1, 3)})
    found = run_program(program, [{"observation": row.tolist()} for row in observations])
    torques = agent.predict(observations, deterministic=True)[0]
    with torch.no_grad():
        seen = torch.as_tensor(observations)
        if critic is None:
            np.testing.assert_allclose([case[0] for case in found], agent.policy.q_net(seen).numpy(), atol=1e-4, rtol=1e-6)
            return
        np.testing.assert_allclose([case[0] for case in found], torques, atol=1e-4)
        values = torch.cat(agent.policy.critic(seen, torch.as_tensor(torques) / 2), dim=1).mean(dim=1)
        np.testing.assert_allclose([case[1][0] for case in found], values.numpy(), atol=1e-4, rtol=1e-6)
        program = to_program(critic, {"observation": torch.zeros(1, 3), "torque": torch.zeros(1, 1)})
        found = run_program(
            program, [{"observation": row.tolist(), "torque": u.tolist()} for row, u in zip(observations, torques, strict=True)]
        )
        np.testing.assert_allclose([case[0][0] for case in found], values.numpy(), atol=1e-4, rtol=1e-6)


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [(DiscretizedDQN, {"branching": True}), (Rainbow, {}), (NoisyDQN, {"dueling": True}), (OUDDPG, {}), (SAC, {}), (TQC, {}), (A2C, {})],
)
def test_other_agents_with_normalised_observations(algorithm, options, run_program):
    torch.manual_seed(0)
    statistics = VecNormalize(DummyVecEnv([lambda: gymnasium.make("Pendulum-v1")]), clip_obs=1.5)
    statistics.obs_rms.mean[:], statistics.obs_rms.var[:] = [0.1, -0.2, 0.5], [0.5, 0.6, 9.0]
    agent = algorithm("MlpPolicy", "Pendulum-v1", policy_kwargs={"net_arch": [16, 16]}, device="cpu", seed=0, **options)
    observations = pendulum.observe(states(20))
    network, _ = networks_of(agent, statistics)
    found = run_program(to_program(network, {"observation": torch.zeros(1, 3)}), [{"observation": row.tolist()} for row in observations])
    torques = agent.predict(statistics.normalize_obs(observations), deterministic=True)[0]
    acted = [
        case[0] if torques.shape[1:] == case[0].shape and len(case) > 1 else agent.bins.actions.flatten()[[case[0].argmax()]]
        for case in found
    ]
    np.testing.assert_allclose(acted, torques, atol=1e-4)


TABLE = """
import { ValueTable } from "./optimum.js";
const started = process.cpuUsage();
const table = ValueTable.compute(given.world, given.options);
const { user } = process.cpuUsage(started);
const values = given.states.map(([theta, speed]) => table.value(theta, speed, 200));
const returns = given.states.slice(0, 40).map(([theta, speed]) => table.returnFrom({ theta, speed }));
console.log(JSON.stringify({ values, returns, seconds: user / 1e6, error: table.error() }));
"""


@pytest.mark.parametrize("g", [10.0, -4.0])
def test_values_are_those_of_python_on_the_same_grid(g, compute, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    where = states(300)
    options = {"angles": 60, "speeds": 61, "actions": FIVE.tolist()}
    found = compute(TABLE, {"world": {"g": g, "m": 1, "l": 1}, "options": options, "states": where.tolist()})
    optimum = PendulumOptimum(g, FIVE, grid=(60, 61))
    np.testing.assert_allclose(found["values"], optimum.values(where), atol=0.02)
    assert np.abs(np.array(found["returns"]) - optimum.returns(where[:40])).mean() < 1


def test_the_page_s_table_is_quick_and_near_a_finer_one(compute, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    where = pendulum.sample_starts(100, 0)
    found = compute(TABLE, {"world": {"g": 10, "m": 1, "l": 1}, "states": where.tolist()})
    finer = PendulumOptimum(torques=FIVE, grid=(400, 401))
    assert found["seconds"] < 5
    assert found["error"] < 2
    assert np.abs(np.array(found["values"]) - finer.values(where)).mean() < 2
    assert (finer.returns(where[:40]) - found["returns"]).mean() < 0.5


STEPS = """
import { Learner, Network } from "./dqn.js";
const toArray = ({ shape, data }) => ({ shape, data: Float32Array.from(data) });
const weights = Object.fromEntries(Object.entries(given.weights).map(([name, value]) => [name, toArray(value)]));
const learner = new Learner(new Network(given.sizes, given.isNoisy).load(weights));
learner.target.load(Object.fromEntries(Object.entries(given.target).map(([name, value]) => [name, toArray(value)])));
const padded = (rows) => {
  const wide = (rows.length + 3) & ~3, found = new Float32Array(4 * wide);
  rows.forEach((row, k) => row.forEach((value, i) => { found[i * wide + k] = value; }));
  return found;
};
const four = (array) => Float32Array.from({ length: (array.length + 3) & ~3 }, (_, i) => array[i] ?? 0);
const told = given.batches.map(({ observations, next, actions, rewards, noise }) => learner.step(
  {
    observations: padded(observations), next: padded(next), size: actions.length,
    actions: Int32Array.from(actions), rewards: Float32Array.from(rewards),
  },
  given.settings,
  noise && Object.fromEntries(Object.entries(noise).map(([name, layers]) => [name, layers.map(([ins, outs]) => [four(ins), four(outs)])])),
));
const plain = (network) => Object.fromEntries(Object.entries(network.weights()).map(([name, { data }]) => [name, Array.from(data)]));
console.log(JSON.stringify({ told, online: plain(learner.online), target: plain(learner.target) }));
"""
JS_NAMES = {"weight_mu": "weight", "bias_mu": "bias", "weight_sigma": "weightSigma", "bias_sigma": "biasSigma"}


def in_javascript(network):
    def name(key):
        layer, kind = key.split(".")
        return f"{layer}.{JS_NAMES.get(kind, kind)}"

    return {name(key): {"shape": list(value.shape), "data": value.flatten().tolist()} for key, value in network.state_dict().items()}


def mlp(sizes, is_noisy):
    layers = [layer for ins, outs in pairwise(sizes) for layer in (nn.Linear(ins, outs), nn.ReLU())][:-1]
    network = nn.Sequential(*layers)
    return with_noisy_layers(network, 0.5) if is_noisy else network


@pytest.mark.parametrize("size", [64, 1], ids=["replay", "no replay"])
@pytest.mark.parametrize(
    ("is_noisy", "is_double", "target"),
    [
        (False, False, "soft"),
        (False, True, "hard"),
        (False, False, "none"),
        (True, False, "soft"),
        (True, True, "soft"),
        (True, True, "none"),
    ],
)
def test_gradient_steps_are_those_of_pytorch(is_noisy, is_double, target, size, compute):
    torch.manual_seed(0)
    sizes, settings = [3, 16, 32, 3], {"gamma": 0.97, "lr": 0.01, "isDouble": is_double, "target": target, "tau": 0.1, "interval": 2}
    online, judge = mlp(sizes, is_noisy), mlp(sizes, is_noisy)
    weights, target_weights = in_javascript(online), in_javascript(judge)
    rng, batches, told = np.random.default_rng(0), [], []
    optimizer = torch.optim.Adam(online.parameters(), lr=settings["lr"])
    for t in range(1, 5):
        observations, following = (torch.as_tensor(pendulum.observe(rng.uniform([-3, -8], [3, 8], (size, 2)))) for _ in range(2))
        actions, rewards = torch.as_tensor(rng.integers(3, size=size)), torch.as_tensor(rng.uniform(-60, 0, size), dtype=torch.float32)
        roots = {name: [(torch.randn(a), torch.randn(b)) for a, b in pairwise(sizes)] for name in ("online", "target", "choice")}
        noise = roots if is_noisy else None

        def q(network, x, name, noise=noise):
            return network(x, iter(noise[name])) if noise else network(x)

        with torch.no_grad():
            values = q(online if target == "none" else judge, following, "target")
            choice = q(online, following, "choice") if is_double and target != "none" else values
            aim = rewards + settings["gamma"] * values[range(size), choice.argmax(dim=1)]
        current = q(online, observations, "online")[range(size), actions]
        loss = F.smooth_l1_loss(current, aim)
        optimizer.zero_grad()
        loss.backward()
        gradient = nn.utils.clip_grad_norm_(online.parameters(), 10)
        optimizer.step()
        part = {"soft": 0.1, "hard": float(t % 2 == 0), "none": 0.0}[target]
        with torch.no_grad():
            for mine, theirs in zip(judge.parameters(), online.parameters(), strict=True):
                mine.lerp_(theirs, part)
        told.append({"loss": loss.item(), "meanQ": current.mean().item(), "gradient": gradient.item()})
        lists = {name: [[a.tolist(), b.tolist()] for a, b in layers] for name, layers in roots.items()} if is_noisy else None
        batch = {"observations": observations, "next": following, "actions": actions, "rewards": rewards}
        batches.append({name: value.tolist() for name, value in batch.items()} | {"noise": lists})
    given = {"sizes": sizes, "isNoisy": is_noisy, "weights": weights, "target": target_weights, "batches": batches, "settings": settings}
    found = compute(STEPS, given)
    for mine, theirs in zip(found["told"], told, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-4)
    for name, network in (("online", online), ("target", judge)):
        for key, value in in_javascript(network).items():
            np.testing.assert_allclose(found[name][key], value["data"], atol=1e-4, err_msg=f"{name} {key}")


@pytest.mark.parametrize("is_noisy", [False, True], ids=["plain", "noisy"])
def test_downloaded_weights_act_the_same_in_python(is_noisy, compute, tmp_path):
    path, observations = tmp_path / "weights.safetensors", pendulum.observe(states(30))
    script = """
import { Network } from "./dqn.js";
import { generator } from "./core/random.js";
import { toSafetensors } from "./share.js";
const network = new Network([3, 32, 64, 5], given.isNoisy).draw(generator(3));
writeFileSync(given.path, toSafetensors(network.weights(), given.isNoisy));
console.log(JSON.stringify(given.observations.map((row) => network.values(row))));
"""
    found = compute(script, {"isNoisy": is_noisy, "path": str(path), "observations": observations.tolist()})
    agent = load_weights(path)
    assert isinstance(agent, NoisyDQN if is_noisy else DiscretizedDQN)
    with torch.no_grad():
        np.testing.assert_allclose(found, agent.policy.q_values(torch.as_tensor(observations)).numpy(), atol=1e-5)
    torques = agent.predict(observations, deterministic=True)[0].flatten()
    np.testing.assert_array_equal(torques, FIVE[np.argmax(found, axis=1)].astype(np.float32))


def test_files_that_hold_no_weights_of_the_page_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        load_weights(tmp_path / "missing.safetensors")
    (tmp_path / "damaged.safetensors").write_bytes(b"not a file of weights")
    with pytest.raises(UserError, match="damaged"):
        load_weights(tmp_path / "damaged.safetensors")
    from safetensors.torch import save_file

    for i, weights in enumerate([{"x": torch.zeros(2)}, {"q_net.0.bias": torch.zeros(4), "q_net.2.bias": torch.zeros(3)}]):
        save_file(weights, tmp_path / f"{i}.safetensors")
        with pytest.raises(UserError, match="not a Q-network of the page"):
            load_weights(tmp_path / f"{i}.safetensors")


@pytest.mark.slow
def test_a_dqn_learns_to_swing_up_at_500_steps_a_second(compute):
    script = """
import { ValueTable } from "./optimum.js";
import { generator } from "./core/random.js";
import { WORLD, drawStart } from "./physics.js";
import { OURS, Training } from "./train.js";
const table = ValueTable.compute(WORLD), random = generator(99);
const starts = Array.from({ length: 20 }, () => drawStart(random)), best = starts.map((start) => table.returnFrom(start));
const runs = [0, 1, 2, 3, 4].map((seed) => {
  const training = new Training(OURS, seed), before = process.cpuUsage();
  for (let i = 0; i < 20000; i++) training.advance();
  const { user, system } = process.cpuUsage(before);
  const regret = starts.reduce((sum, start, i) => sum + best[i] - training.evaluate(start), 0) / starts.length;
  return { seed, regret, rate: 20000 / ((user + system) / 1e6) };
});
console.log(JSON.stringify(runs));
"""
    runs = compute(script)
    print(runs)
    assert sum(run["regret"] < 25 for run in runs) >= 4
    assert min(run["rate"] for run in runs) >= 500
