// What takes long: tables of values, and trainings. Each is asked for by a message.

import { Means } from "./curves.js";
import { ValueTable } from "./optimum.js";
import { Training } from "./train.js";

const SLICE_MS = 30;
const REPORT_MS = 250;
const STEPS_PER_POINT = 100;

let training = null, isRunning = false, generation = 0, points = [], means = new Means(), reported = 0, reportedSteps = 0;

function report() {
  const { network, steps, epsilon } = training, now = performance.now();
  const rate = ((steps - reportedSteps) * 1000) / Math.max(1, now - reported);
  postMessage({
    kind: "progress", generation, steps, epsilon, rate, points, isRunning,
    network: { sizes: network.sizes, isNoisy: network.isNoisy, weights: network.weights(), sigmas: network.sigmas() },
  });
  [points, reported, reportedSteps] = [[], now, steps];
}

function work() {
  if (!isRunning) return;
  const end = performance.now() + SLICE_MS;
  while (performance.now() < end) {
    const { ended, ...learned } = training.advance();
    means.add(learned);
    if (ended !== null) means.add({ return: ended });
    if (training.steps % STEPS_PER_POINT === 0) points.push({ step: training.steps, ...means.take() });
  }
  if (performance.now() - reported > REPORT_MS) report();
  setTimeout(work, 0);
}

const RECEIVERS = {
  optimum({ id, world }) {
    const started = performance.now(), { angles, speeds, actions, horizon, tables } = ValueTable.compute(world);
    const table = new ValueTable({ world, angles, speeds, actions, horizon, tables });
    const fields = { ...table, accuracy: table.error(), seconds: (performance.now() - started) / 1000 };
    postMessage({ kind: "table", id, fields }, tables.map(({ buffer }) => buffer));
  },
  begin({ settings, world, seed, generation: number }) {
    training = new Training(settings, seed, world);
    [generation, points, means, reported, reportedSteps] = [number, [], new Means(), performance.now(), 0];
  },
  change({ settings, world }) {
    if (!training) return;
    Object.assign(training.settings, settings);
    training.world = world;
  },
  run() {
    if (isRunning || !training) return;
    isRunning = true;
    [reported, reportedSteps] = [performance.now(), training.steps];
    work();
  },
  halt() {
    isRunning = false;
    if (training) report();
  },
};

onmessage = ({ data }) => RECEIVERS[data.kind](data);
