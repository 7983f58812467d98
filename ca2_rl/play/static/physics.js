// Gymnasium's Pendulum-v1 with any gravity, mass and length. theta = 0 is upright; angles in rad, torques in N m.

export const DT = 0.05;
export const MAX_SPEED = 8;
export const MAX_TORQUE = 2;
export const STEPS = 200;
export const WORLD = { g: 10, m: 1, l: 1 };

/** A number within -limit and limit. */
export const clip = (x, limit) => Math.min(Math.max(x, -limit), limit);

/** The same angle in [-pi, pi). */
export function wrap(theta) {
  const turn = (theta + Math.PI) % (2 * Math.PI);
  return (turn < 0 ? turn + 2 * Math.PI : turn) - Math.PI;
}

/** One time step: the next angle (not wrapped) and speed, and the reward. */
export function step(theta, speed, torque, { g, m, l }) {
  const u = clip(torque, MAX_TORQUE), angle = wrap(theta);
  const next = clip(speed + (((3 * g) / (2 * l)) * Math.sin(theta) + (3 / (m * l * l)) * u) * DT, MAX_SPEED);
  return { theta: theta + next * DT, speed: next, reward: -(angle * angle + 0.1 * speed * speed + 0.001 * u * u) };
}

/** What agents see: cos theta, sin theta, speed. */
export const observe = (theta, speed) => [Math.cos(theta), Math.sin(theta), speed];

/** n evenly spaced torques, both ends included. */
export const torques = (n) => Array.from({ length: n }, (_, i) => -MAX_TORQUE + (2 * MAX_TORQUE * i) / (n - 1));

/** An initial state as Gymnasium draws it. */
export const drawStart = (random) => ({ theta: (2 * random() - 1) * Math.PI, speed: 2 * random() - 1 });
