// One episode of 200 steps: what happened, and what it cost.

import { STEPS, step } from "./physics.js";

export class Episode {
  /** @param {{theta, speed}} start */
  constructor(start) {
    this.start = { ...start };
    this.state = { ...start };
    this.torques = [];
    this.path = [[start.theta, start.speed]];
    this.return = 0;
  }

  get time() { return this.torques.length; }

  get left() { return STEPS - this.time; }

  get isOver() { return this.left <= 0; }

  /** One time step with a torque. */
  advance(torque, world) {
    const next = step(this.state.theta, this.state.speed, torque, world);
    this.return += next.reward;
    this.torques.push(torque);
    this.state = { theta: next.theta, speed: next.speed };
    this.path.push([next.theta, next.speed]);
  }

  /** What was lost so far: the best return from the start, minus the return so far and the best that can still follow. */
  regret(table) {
    return this.best(table) - this.return - table.value(this.state.theta, this.state.speed, Math.max(0, this.left));
  }

  best(table) { return table.value(this.start.theta, this.start.speed, STEPS); }
}
