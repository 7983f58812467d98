// The controls of the training's settings, made from one table.

import { made } from "./core/page.js";

/** `restarts`: a change begins the training again. */
export const CONTROLS = [
  { key: "isNoisy", label: "Exploration", options: [[false, "epsilon-greedy"], [true, "noisy layers"]], restarts: true },
  { key: "nTorques", label: "Torques", options: [[2, "2"], [3, "3"], [5, "5"], [9, "9"]], restarts: true },
  { key: "width", label: "Hidden units", options: [[16, "16, 16"], [32, "32, 32"], [64, "64, 64"], [128, "128, 128"]], restarts: true },
  { key: "isDouble", label: "Double DQN", options: [[false, "no"], [true, "yes"]] },
  { key: "target", label: "Target network", options: [["soft", "follows by tau"], ["hard", "every n steps"], ["none", "none"]] },
  { key: "tau", label: "tau", min: 0, max: 1, step: 0.001 },
  { key: "interval", label: "n of the target", min: 1, max: 100000, step: 1 },
  { key: "hasReplay", label: "Replay memory", options: [[true, "yes"], [false, "no"]] },
  { key: "batch", label: "Batch", options: [[32, "32"], [64, "64"], [128, "128"]] },
  { key: "lr", label: "Learning rate", min: 0, max: 0.1, step: 0.0001 },
  { key: "gamma", label: "gamma", min: 0, max: 1, step: 0.001 },
  { key: "episode", label: "Episode, steps", min: 1, max: 1000, step: 1 },
  { key: "epsilon", label: "Last epsilon", min: 0, max: 1, step: 0.01 },
  { key: "fade", label: "Steps until then", min: 0, max: 100000, step: 100 },
  { key: "hold", label: "Random torques last", min: 1, max: 100, step: 1 },
  { key: "learningStarts", label: "Steps before learning", min: 1, max: 50000, step: 1 },
];

/** A setting from text; undefined if it is none of its values. */
export function parseSetting({ options, min, max, step }, text) {
  if (options) return options.find(([value]) => String(value) === text)?.[0];
  const value = Number(text);
  if (text.trim() === "" || !(value >= min && value <= max) || (step === 1 && !Number.isInteger(value))) return undefined;
  return value;
}

/**
 * Controls in a container.
 * @param {(key: string, value: any) => void} changed
 * @param {(sentence: string) => void} say what is out of range
 * @returns {(settings: object) => void} shows settings
 */
export function makeControls(container, changed, say) {
  const inputs = CONTROLS.map((control) => {
    const { key, label, options, min, max, step, restarts } = control;
    const input = Object.assign(options ? made("select") : made("input"), { id: `set-${key}` }, options ? {} : { type: "number", min, max, step });
    for (const [value, text] of options ?? []) input.append(new Option(text, value));
    container.append(made("label", restarts ? `${label} *` : label, input));
    input.addEventListener("change", () => {
      const value = parseSetting(control, input.value);
      if (value === undefined) say(`${label}: give a number from ${min} to ${max}.`);
      else changed(key, value);
    });
    return [key, input];
  });
  return (settings) => inputs.forEach(([key, input]) => { input.value = String(settings[key]); });
}
