// Runs networks off the main thread, so that typing stays smooth.
import { ask } from "./core/ask.js";
import { Program } from "./core/program.js";
import { SILENCE } from "./runner.js";

const programs = new Map();

/** The network at an address; one that could not be had is asked for again. */
async function program(url) {
  if (!programs.has(url)) {
    const loading = load(url);
    programs.set(url, loading);
    loading.catch(() => programs.delete(url));
  }
  return programs.get(url);
}

async function load(url) {
  return new Program(await (await ask(url, SILENCE)).arrayBuffer());
}

self.onmessage = async ({ data: { id, url, cases } }) => {
  try {
    const network = await program(url);
    const from = performance.now();
    const outputs = cases.map((inputs) => network.run(inputs).map((output) => output.slice()));
    self.postMessage({ id, outputs, milliseconds: performance.now() - from });
  } catch (error) {
    self.postMessage({ id, error: error.message });
  }
};
