// A DQN (Mnih et al. 2015) in plain loops. Activations are [width, batch]; all widths are padded with zeros to multiples of 4,
// as `multiply` wants it, and the padding stays zero in training.

import { multiply, upTo4 } from "./core/program.js";
import { normal } from "./core/random.js";

const CLIPPED_NORM = 10;
const BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8;

/** Rows of four by four: [m, k] -> [m / 4, k, 4]. */
function pack(w, m, k, to) {
  for (let i = 0; i < m; i++) for (let p = 0, at = (i & ~3) * k + (i & 3); p < k; p++, at += 4) to[at] = w[i * k + p];
}

/** The same of the transposed matrix: w [k, m]. */
function packTransposed(w, m, k, to) {
  for (let p = 0; p < k; p++) for (let i = 0; i < m; i++) to[(i & ~3) * k + 4 * p + (i & 3)] = w[p * m + i];
}

function transpose(a, m, n, to) {
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) to[j * m + i] = a[i * n + j];
}

/** f(x) = sgn(x) sqrt |x| of standard normal numbers (Fortunato et al. 2017). */
function drawRoots(n, padded, random) {
  const roots = new Float32Array(padded);
  for (let i = 0; i < n; i++) {
    const x = normal(random);
    roots[i] = Math.sign(x) * Math.sqrt(Math.abs(x));
  }
  return roots;
}

/** Layers of one Q-network, as arrays of numbers alone. */
export class Network {
  /**
   * @param {number[]} sizes such as [3, 64, 64, 3]
   * @param {boolean} isNoisy whether its weights have learned noise
   */
  constructor(sizes, isNoisy = false) {
    this.sizes = sizes;
    this.isNoisy = isNoisy;
    this.layers = sizes.slice(1).map((outs, i) => {
      const n = upTo4(sizes[i]), m = upTo4(outs);
      const names = isNoisy ? ["weight", "bias", "weightSigma", "biasSigma"] : ["weight", "bias"];
      const layer = { ins: sizes[i], outs, n, m, names };
      for (const name of names) layer[name] = new Float32Array(name.startsWith("weight") ? m * n : m);
      // What the products take: the weights with their noise, if there is any
      layer.used = new Float32Array(m * n);
      layer.usedBias = new Float32Array(m);
      layer.packed = new Float32Array(m * n);
      layer.packedBack = new Float32Array(m * n);
      return layer;
    });
    this.memory = new Map();
  }

  /** Random weights, uniform in +-1/sqrt(inputs), as PyTorch's. */
  draw(random, sigma0 = 0.5) {
    for (const layer of this.layers) {
      const bound = layer.ins ** -0.5;
      for (let i = 0; i < layer.outs; i++) {
        for (let j = 0; j < layer.ins; j++) layer.weight[i * layer.n + j] = (2 * random() - 1) * bound;
        layer.bias[i] = (2 * random() - 1) * bound;
        if (this.isNoisy) {
          layer.weightSigma.fill(sigma0 * bound, i * layer.n, i * layer.n + layer.ins);
          layer.biasSigma[i] = sigma0 * bound;
        }
      }
    }
    return this.use();
  }

  /** For each layer, a zero for each of its weights by name. */
  zeros() {
    return this.layers.map((layer) => Object.fromEntries(layer.names.map((name) => [name, new Float32Array(layer[name].length)])));
  }

  /** Fresh noise for each layer. */
  drawNoise(random) {
    return this.layers.map(({ ins, outs, n, m }) => [drawRoots(ins, n, random), drawRoots(outs, m, random)]);
  }

  /** Makes the products use the weights as they are now. Noise: for each layer [in], [out]; null for the mean weights. */
  use(noise = null, hasBack = false) {
    this.layers.forEach((layer, i) => {
      const { m, n, weight, bias, used, usedBias } = layer;
      used.set(weight);
      usedBias.set(bias);
      if (noise && this.isNoisy) {
        const [ins, outs] = noise[i];
        for (let a = 0, at = 0; a < m; a++) {
          for (let b = 0; b < n; b++, at++) used[at] += layer.weightSigma[at] * outs[a] * ins[b];
          usedBias[a] += layer.biasSigma[a] * outs[a];
        }
      }
      pack(used, m, n, layer.packed);
      if (hasBack) packTransposed(used, n, m, layer.packedBack);
    });
    return this;
  }

  /**
   * Q-values of a batch; overwritten by the next call with the same place.
   * @param {Float32Array} x [width of the input, batch]
   * @param {string} place of the memory, so that two calls can be kept apart
   * @returns {Float32Array[]} what goes into each layer, and the Q-values [width of the output, batch] at the end
   */
  forward(x, batch, place = "") {
    const key = `${place} ${batch}`;
    if (!this.memory.has(key)) this.memory.set(key, this.layers.map(({ m }) => new Float32Array(m * batch)));
    const outs = this.memory.get(key), passed = [x];
    this.layers.forEach(({ m, n, packed, usedBias }, i) => {
      const y = outs[i], isLast = i === this.layers.length - 1;
      multiply(m, batch, n, packed, passed[i], y);
      for (let a = 0, at = 0; a < m; a++) {
        const bias = usedBias[a];
        for (let end = at + batch; at < end; at++) {
          const z = y[at] + bias;
          y[at] = isLast || z > 0 ? z : 0;
        }
      }
      passed.push(y);
    });
    return passed;
  }

  /** Q-values of one state, by the weights that `use` has chosen. */
  values(observation) {
    const x = new Float32Array(4 * 4);
    for (let i = 0; i < 3; i++) x[4 * i] = observation[i];
    const y = this.forward(x, 4, "one").at(-1);
    return Array.from({ length: this.sizes.at(-1) }, (_, i) => y[4 * i]);
  }

  /** Gradients of the weights by name for each layer, from those of the outputs. */
  backward(passed, gradient, batch, noise = null) {
    this.back ??= new Map();
    if (!this.back.has(batch)) {
      const widest = Math.max(...this.layers.map(({ m, n }) => Math.max(m, n)));
      const make = () => new Float32Array(widest * batch);
      this.back.set(batch, { packed: make(), flipped: make(), below: this.layers.map(({ n }) => new Float32Array(n * batch)) });
      this.gradients ??= this.zeros();
    }
    const { packed, flipped, below } = this.back.get(batch);
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const { m, n, packedBack } = this.layers[i], x = passed[i], found = this.gradients[i];
      pack(gradient, m, batch, packed);
      transpose(x, n, batch, flipped);
      multiply(m, n, batch, packed, flipped, found.weight);
      for (let a = 0; a < m; a++) {
        let sum = 0;
        for (let k = a * batch; k < (a + 1) * batch; k++) sum += gradient[k];
        found.bias[a] = sum;
      }
      if (this.isNoisy) {
        for (let a = 0, at = 0; a < m; a++) {
          const out = noise ? noise[i][1][a] : 0;
          for (let b = 0; b < n; b++, at++) found.weightSigma[at] = noise ? found.weight[at] * out * noise[i][0][b] : 0;
          found.biasSigma[a] = found.bias[a] * out;
        }
      }
      if (i > 0) {
        multiply(n, batch, m, packedBack, gradient, below[i]);
        for (let k = 0; k < below[i].length; k++) if (x[k] <= 0) below[i][k] = 0;
        gradient = below[i];
      }
    }
    return this.gradients;
  }

  /** All weights without their padding, in PyTorch's order and layout: {name: {shape, data}}. */
  weights() {
    const found = {};
    this.layers.forEach((layer, i) => {
      for (const name of layer.names) {
        const isMatrix = name.startsWith("weight"), { ins, outs, n } = layer;
        const data = isMatrix ? new Float32Array(outs * ins) : layer[name].slice(0, outs);
        if (isMatrix) for (let a = 0; a < outs; a++) data.set(layer[name].subarray(a * n, a * n + ins), a * ins);
        found[`${2 * i}.${name}`] = { shape: isMatrix ? [outs, ins] : [outs], data };
      }
    });
    return found;
  }

  /** Takes what `weights` gives. */
  load(weights) {
    this.layers.forEach((layer, i) => {
      for (const name of layer.names) {
        const { data } = weights[`${2 * i}.${name}`], { ins, outs, n } = layer;
        if (name.startsWith("weight")) for (let a = 0; a < outs; a++) layer[name].set(data.slice(a * ins, (a + 1) * ins), a * n);
        else layer[name].set(data);
      }
    });
    return this.use();
  }

  /** Moves towards another network by a part of the way. */
  follow(other, tau) {
    this.layers.forEach((layer, i) => {
      for (const name of layer.names) {
        const mine = layer[name], theirs = other.layers[i][name];
        for (let k = 0; k < mine.length; k++) mine[k] += tau * (theirs[k] - mine[k]);
      }
    });
  }

  /** Mean |sigma| of each layer; empty without noise. */
  sigmas() {
    if (!this.isNoisy) return [];
    return this.layers.map(({ weightSigma, biasSigma, ins, outs }) => {
      const sum = (array) => array.reduce((total, x) => total + Math.abs(x), 0);
      return (sum(weightSigma) + sum(biasSigma)) / (outs * (ins + 1));
    });
  }
}

/** Gradient steps of an online network, whose target network follows it. */
export class Learner {
  /** @param {Network} online with its first weights */
  constructor(online) {
    this.online = online;
    this.target = new Network(online.sizes, online.isNoisy).load(online.weights());
    this.first = online.zeros();
    this.second = online.zeros();
    this.updates = 0;
  }

  /**
   * One gradient step on a batch.
   * @param {{observations, next: Float32Array, actions: Int32Array, rewards: Float32Array, size: number}} batch observations [4, padded batch]
   * @param {{gamma, lr, isDouble, target, tau, interval}} settings target: "soft", "hard" or "none"
   * @param {{online, target, choice}?} noise of the networks; `choice` is that of the double DQN's choice
   * @returns {{loss, meanQ, gradient}} the norm of the gradient is that before clipping
   */
  step({ observations, next, actions, rewards, size }, settings, noise = null) {
    const { online, target } = this, padded = upTo4(size), nActions = online.sizes.at(-1);
    const judge = settings.target === "none" ? online : target;
    judge.use(noise?.target);
    const judged = judge.forward(next, padded, "next").at(-1);
    let choosing = judged;
    if (settings.isDouble && judge !== online) {
      online.use(noise?.choice);
      choosing = online.forward(next, padded, "choice").at(-1);
    }
    online.use(noise?.online, true);
    const passed = online.forward(observations, padded, "now"), q = passed.at(-1);
    this.slopes ??= new Map();
    if (!this.slopes.has(padded)) this.slopes.set(padded, new Float32Array(q.length));
    const slopes = this.slopes.get(padded).fill(0);
    let loss = 0, meanQ = 0;
    for (let k = 0; k < size; k++) {
      let best = 0;
      for (let a = 1; a < nActions; a++) if (choosing[a * padded + k] > choosing[best * padded + k]) best = a;
      const aim = rewards[k] + settings.gamma * judged[best * padded + k];
      const at = actions[k] * padded + k, difference = q[at] - aim, far = Math.abs(difference);
      loss += far < 1 ? 0.5 * difference * difference : far - 0.5;
      slopes[at] = Math.max(-1, Math.min(1, difference)) / size;
      meanQ += q[at];
    }
    const gradients = online.backward(passed, slopes, padded, noise?.online);
    const gradient = this.descend(gradients, settings.lr);
    this.updates++;
    if (settings.target === "soft") target.follow(online, settings.tau);
    else if (settings.target === "hard" && this.updates % settings.interval === 0) target.follow(online, 1);
    return { loss: loss / size, meanQ: meanQ / size, gradient };
  }

  /** Adam (Kingma & Ba 2015) with a gradient whose norm is clipped. */
  descend(gradients, lr) {
    let squares = 0;
    for (const layer of gradients) for (const g of Object.values(layer)) for (let i = 0; i < g.length; i++) squares += g[i] * g[i];
    const norm = Math.sqrt(squares), factor = Math.min(1, CLIPPED_NORM / (norm + 1e-6)), t = this.updates + 1;
    const rate = lr / (1 - BETA1 ** t), root = 1 / Math.sqrt(1 - BETA2 ** t);
    gradients.forEach((layer, i) => {
      for (const [name, g] of Object.entries(layer)) {
        const w = this.online.layers[i][name], m = this.first[i][name], v = this.second[i][name];
        for (let k = 0; k < g.length; k++) {
          const slope = g[k] * factor;
          m[k] += (1 - BETA1) * (slope - m[k]);
          v[k] += (1 - BETA2) * (slope * slope - v[k]);
          w[k] -= (rate * m[k]) / (Math.sqrt(v[k]) * root + EPSILON);
        }
      }
    });
    return norm;
  }
}
