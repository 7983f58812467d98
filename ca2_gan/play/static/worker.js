// Runs networks off the main thread, so that typing stays smooth.
import { ask, once } from "./core/ask.js";
import { Program } from "./core/program.js";

const program = once(async (url) => new Program(await ask(url)));

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
