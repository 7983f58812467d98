// Training in the page: acting, the replay memory, and gradient steps.

import { upTo4 } from "./core/program.js";
import { generator } from "./core/random.js";
import { Learner, Network } from "./dqn.js";
import { WORLD, drawStart, observe, step, torques } from "./physics.js";

/** What a training begins with; all can be changed while it runs, but width, nTorques and isNoisy begin it again. */
export const OURS = {
  width: 64, nTorques: 3, isNoisy: false, isDouble: false, gamma: 0.99, lr: 0.001, target: "soft", tau: 0.01, interval: 500,
  hasReplay: true, batch: 64, learningStarts: 500, episode: 25, hold: 20, epsilon: 0.05, fade: 4000,
};
export const PRESETS = {
  ours: { label: "Ours", settings: OURS },
  stale: { label: "A target network that is hardly ever updated", settings: { ...OURS, target: "hard", interval: 5000 } },
  noReplay: { label: "No replay", settings: { ...OURS, hasReplay: false } },
  shortSighted: { label: "gamma 0.9", settings: { ...OURS, gamma: 0.9 } },
  twoTorques: { label: "Two torques", settings: { ...OURS, nTorques: 2 } },
};
const CAPACITY = 100_000;
const SIGMA0 = 0.1;

/** One training: `advance` takes a step of the pendulum, and a gradient step once enough is known. */
export class Training {
  constructor(settings, seed = 0, world = WORLD) {
    this.settings = { ...settings };
    this.world = world;
    this.random = generator(seed);
    this.actions = torques(settings.nTorques);
    this.network = new Network([3, settings.width, settings.width, settings.nTorques], settings.isNoisy).draw(this.random, SIGMA0);
    this.learner = new Learner(this.network);
    this.steps = 0;
    this.memory = {
      observations: new Float32Array(3 * CAPACITY), next: new Float32Array(3 * CAPACITY),
      actions: new Int32Array(CAPACITY), rewards: new Float32Array(CAPACITY),
    };
    this.kept = 0;
    this.batches = new Map();
    this.begin();
  }

  begin() {
    this.state = drawStart(this.random);
    this.time = this.return = this.held = 0;
  }

  /** One step: {loss, meanQ, gradient} if there was a gradient step; `ended`: the return per step of an episode that ended, times 200. */
  advance() {
    const { settings } = this, { theta, speed } = this.state;
    const seen = observe(theta, speed), action = this.choose(seen);
    const next = step(theta, speed, this.actions[action], this.world);
    this.remember(seen, action, next.reward, observe(next.theta, next.speed));
    this.state = next;
    this.return += next.reward;
    this.steps++;
    let ended = null;
    if (++this.time >= settings.episode) {
      ended = (this.return * 200) / this.time;
      this.begin();
    }
    const learned = this.steps >= settings.learningStarts ? this.learn() : {};
    return { ...learned, ended };
  }

  /** The chance of a random torque now; noisy networks need none. */
  get epsilon() {
    const { isNoisy, learningStarts, fade, epsilon } = this.settings;
    if (this.steps < learningStarts) return 1;
    if (isNoisy) return 0;
    return Math.max(epsilon, 1 - ((1 - epsilon) * (this.steps - learningStarts)) / Math.max(1, fade));
  }

  /** Index of a torque. Random ones are held for a while, so that a swing is found sooner. */
  choose(observation) {
    const { hold } = this.settings;
    if (this.held > 0) {
      this.held--;
      return this.heldAction;
    }
    // Starts are rarer the longer an action is held, so that epsilon is the share of random steps
    const chance = this.epsilon, mean = (hold + 1) / 2;
    if (this.random() < (chance >= 1 ? 1 : chance / (chance + (1 - chance) * mean))) {
      this.held = Math.floor(this.random() * hold);
      this.heldAction = Math.floor(this.random() * this.actions.length);
      return this.heldAction;
    }
    this.network.use(this.settings.isNoisy ? this.network.drawNoise(this.random) : null);
    const values = this.network.values(observation);
    return values.indexOf(Math.max(...values));
  }

  remember(observation, action, reward, next) {
    const at = this.kept++ % CAPACITY, { memory } = this;
    memory.observations.set(observation, 3 * at);
    memory.next.set(next, 3 * at);
    memory.actions[at] = action;
    memory.rewards[at] = reward;
  }

  learn() {
    const { hasReplay, isNoisy } = this.settings, size = hasReplay ? this.settings.batch : 1, padded = upTo4(size);
    if (!this.batches.has(size)) {
      this.batches.set(size, {
        size, observations: new Float32Array(4 * padded), next: new Float32Array(4 * padded), actions: new Int32Array(size), rewards: new Float32Array(size),
      });
    }
    const batch = this.batches.get(size), { memory } = this, known = Math.min(this.kept, CAPACITY);
    for (let k = 0; k < size; k++) {
      const from = hasReplay ? Math.floor(this.random() * known) : (this.kept - 1) % CAPACITY;
      for (let i = 0; i < 3; i++) {
        batch.observations[i * padded + k] = memory.observations[3 * from + i];
        batch.next[i * padded + k] = memory.next[3 * from + i];
      }
      batch.actions[k] = memory.actions[from];
      batch.rewards[k] = memory.rewards[from];
    }
    const draw = () => this.network.drawNoise(this.random);
    const noise = isNoisy ? { online: draw(), target: draw(), choice: draw() } : null;
    return this.learner.step(batch, this.settings, noise);
  }

  /** Return of the greedy policy, by the mean weights, from one initial state. */
  evaluate({ theta, speed }, steps = 200) {
    let total = 0;
    this.network.use();
    for (let i = 0; i < steps; i++) {
      const values = this.network.values(observe(theta, speed));
      const next = step(theta, speed, this.actions[values.indexOf(Math.max(...values))], this.world);
      total += next.reward;
      ({ theta, speed } = next);
    }
    return total;
  }
}
