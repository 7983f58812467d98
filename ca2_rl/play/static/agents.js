// Who can act: programs of trained networks, and what needs no training. Each has `act(theta, speed, left)`; some know values.

import { ask } from "./core/ask.js";
import { Program } from "./core/program.js";
import { Network } from "./dqn.js";
import { MAX_TORQUE, clip, observe, torques, wrap } from "./physics.js";

const CRITIC_TORQUES = torques(9);
const greatest = (values) => values.indexOf(Math.max(...values));

/** A Q-network: the torque with the highest value. */
const byValues = (label, choices, values, more = {}) => ({
  label,
  act: (theta, speed) => choices[greatest(values(theta, speed))],
  bars: (theta, speed) => ({ torques: choices, values: Array.from(values(theta, speed)) }),
  value: (theta, speed) => Math.max(...values(theta, speed)),
  ...more,
});

/** An actor, with a critic if it has one. */
const byActor = (label, actor, critic, more) => {
  const run = (theta, speed) => actor.run({ observation: observe(theta, speed) });
  const judge = (theta, speed, torque) => critic.run({ observation: observe(theta, speed), torque: [torque] })[0][0];
  return {
    label,
    act: (theta, speed) => run(theta, speed)[0][0],
    value: (theta, speed) => run(theta, speed)[1][0],
    bars: critic ? (theta, speed) => ({ torques: CRITIC_TORQUES, values: CRITIC_TORQUES.map((torque) => judge(theta, speed, torque)) }) : null,
    ...more,
  };
};

/** An agent of `agents.json`; its files are asked for here. */
export async function fetchAgent(entry) {
  const [file, critic] = await Promise.all([ask(entry.file), entry.critic ? ask(entry.critic) : null]);
  const program = new Program(file), more = { sigmas: entry.sigmas, isSlow: true };
  if (!entry.torques) return byActor(entry.label, program, critic && new Program(critic), more);
  return byValues(entry.label, entry.torques, (theta, speed) => program.run({ observation: observe(theta, speed) })[0], more);
}

/** The DQN that is trained in the page, by the weights that the worker sent last. */
export function trainedHere(label, { sizes, isNoisy, weights, sigmas }) {
  const network = new Network(sizes, isNoisy).load(weights), choices = torques(sizes.at(-1));
  return byValues(label, choices, (theta, speed) => network.values(observe(theta, speed)), { sigmas });
}

/** The policy that is greedy for a table of values. */
export const optimal = (label, table) => ({
  label,
  act: (theta, speed, left) => table.act(theta, speed, left),
  value: (theta, speed) => table.value(theta, speed, table.horizon),
  bars: (theta, speed, left) => ({ torques: table.actions, values: table.gains(theta, speed, Math.max(1, left)) }),
});

/** Swings up by energy, and holds by a PD controller near the top (Astrom and Furuta 2000). */
function controller({ g, m, l }) {
  return (theta, speed) => {
    const angle = wrap(theta), inertia = (m * l * l) / 3, weight = (m * g * l) / 2;
    if (g <= 0 || Math.abs(angle) < 0.35) return clip(-(weight + 6) * angle - 2 * speed, MAX_TORQUE);
    const missing = weight * (1 - Math.cos(angle)) - 0.5 * inertia * speed * speed;
    return MAX_TORQUE * Math.sign(missing) * (Math.sign(speed) || 1);
  };
}

/** Agents without a network, by name. `page` has the world, the keys that are held, and random numbers. */
export const simple = (page) => ({
  pd: { label: "Energy and PD controller", act: (theta, speed) => controller(page.world)(theta, speed) },
  zero: { label: "No torque", act: () => 0 },
  random: { label: "Random torques", act: () => MAX_TORQUE * (2 * page.random() - 1) },
  you: { label: "You (arrow keys)", act: () => MAX_TORQUE * page.held },
});
