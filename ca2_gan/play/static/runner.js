// What the page asks of the worker.

export class Runner {
  constructor(worker) {
    this.worker = worker;
    this.waiting = new Map();
    this.next = 0;
    /** Of the last call, for each of its cases. */
    this.milliseconds = NaN;
    worker.onmessage = ({ data }) => this.settle(data);
    worker.onerror = () => {
      for (const { reject } of this.waiting.values()) reject(new Error("The networks can't be run in this browser. A newer one can."));
      this.waiting.clear();
    };
  }

  settle({ id, outputs, error, milliseconds }) {
    const { resolve, reject, count } = this.waiting.get(id);
    this.waiting.delete(id);
    if (error) return reject(new Error(error));
    if (count) this.milliseconds = milliseconds / count;
    return resolve(outputs);
  }

  /**
   * @param {string} url of a network
   * @param {Object<string, ArrayLike<number>>[]} cases inputs by name
   * @returns {Promise<Float32Array[][]>} outputs of each case
   */
  run(url, cases) {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, count: cases.length });
      this.worker.postMessage({ id, url, cases });
    });
  }
}

/** Calls one at a time; of those that come in the meantime only the newest. `wrong` gets what fails. */
export function newestOnly(call, wrong) {
  let isBusy = false, next = null;
  return async function ask(...args) {
    if (isBusy) {
      next = args;
      return;
    }
    isBusy = true;
    try {
      await call(...args);
    } catch (error) {
      wrong(error);
    }
    isBusy = false;
    if (next) {
      const newest = next;
      next = null;
      await ask(...newest);
    }
  };
}
