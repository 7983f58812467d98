// The best possible return by backward induction over a grid of angles and speeds (Bellman 1957), bilinear between its points.

import { generator } from "./core/random.js";
import { MAX_SPEED, STEPS, drawStart, step, torques } from "./physics.js";

const CHECKED_STARTS = 200;
// Once a further step changes no value by more than this, the values of all longer horizons are taken to be the same
const CONVERGED = 1e-3;

/** Values of all states for each number of steps to go, and the policy that is greedy for them. */
export class ValueTable {
  /**
   * @param {{world, actions, angles, speeds, horizon, tables}} fields tables: for 0, 1, ... steps to go up to the
   *   horizon or convergence, each [angles + 1, speeds]; the last row repeats the first
   */
  constructor(fields) {
    Object.assign(this, fields);
  }

  /** The table of a world. */
  static compute(world, { angles = 360, speeds = 361, actions = torques(5), horizon = STEPS } = {}) {
    const size = (angles + 1) * speeds, points = angles * speeds, n = actions.length;
    const tables = [new Float32Array(size)];
    const corner = new Int32Array(n * points), rewards = new Float32Array(n * points);
    const fx = new Float32Array(n * points), fy = new Float32Array(n * points);
    const table = new ValueTable({ world, actions, angles, speeds, horizon, tables });
    for (let i = 0, at = 0; i < angles; i++) {
      for (let j = 0; j < speeds; j++) {
        for (const action of actions) {
          const next = step(table.angle(i), table.speed(j), action, world);
          [corner[at], fx[at], fy[at]] = table.locate(next.theta, next.speed);
          rewards[at++] = next.reward;
        }
      }
    }
    for (let k = 1; k <= horizon; k++) {
      const before = tables[k - 1], now = new Float32Array(size);
      let change = 0;
      for (let point = 0, at = 0; point < points; point++) {
        let best = -Infinity;
        for (let a = 0; a < n; a++, at++) {
          const c = corner[at], x = fx[at], y = fy[at], low = before[c], high = before[c + speeds];
          const left = low + (before[c + 1] - low) * y, right = high + (before[c + speeds + 1] - high) * y;
          const value = rewards[at] + left + (right - left) * x;
          if (value > best) best = value;
        }
        now[point] = best;
        change = Math.max(change, before[point] - best, best - before[point]);
      }
      now.copyWithin(points, 0, speeds);
      tables.push(now);
      if (change < CONVERGED) break;
    }
    return table;
  }

  angle(i) { return -Math.PI + (2 * Math.PI * i) / this.angles; }

  speed(j) { return -MAX_SPEED + (2 * MAX_SPEED * j) / (this.speeds - 1); }

  /** The grid point below a state, and how far the state is from it towards the next ones. */
  locate(theta, speed) {
    const x = ((theta + Math.PI) * this.angles) / (2 * Math.PI), y = ((speed + MAX_SPEED) * (this.speeds - 1)) / (2 * MAX_SPEED);
    const i = Math.floor(x), j = Math.min(Math.max(Math.floor(y), 0), this.speeds - 2);
    return [(((i % this.angles) + this.angles) % this.angles) * this.speeds + j, x - i, y - j];
  }

  /** The best return from a state with so many steps to go. */
  value(theta, speed, steps) {
    const [c, x, y] = this.locate(theta, speed), m = this.speeds;
    const v = this.tables[Math.min(steps, this.tables.length - 1)];
    return (1 - x) * ((1 - y) * v[c] + y * v[c + 1]) + x * ((1 - y) * v[c + m] + y * v[c + m + 1]);
  }

  /** Reward plus the best return afterwards, for each torque. */
  gains(theta, speed, steps) {
    return this.actions.map((action) => {
      const next = step(theta, speed, action, this.world);
      return next.reward + this.value(next.theta, next.speed, steps - 1);
    });
  }

  /** The best torque. */
  act(theta, speed, steps) {
    const gains = this.gains(theta, speed, Math.max(1, steps));
    return this.actions[gains.indexOf(Math.max(...gains))];
  }

  /** Return of the greedy policy by the exact dynamics. */
  returnFrom({ theta, speed }, steps = this.horizon) {
    let total = 0;
    for (let left = steps; left > 0; left--) {
      const next = step(theta, speed, this.act(theta, speed, left), this.world);
      total += next.reward;
      ({ theta, speed } = next);
    }
    return total;
  }

  /** Mean difference between the table's values and what its policy attains, over initial states. */
  error(starts = CHECKED_STARTS) {
    const random = generator(1);
    let sum = 0;
    for (let i = 0; i < starts; i++) {
      const start = drawStart(random);
      sum += Math.abs(this.value(start.theta, start.speed, this.horizon) - this.returnFrom(start));
    }
    return sum / starts;
  }
}
