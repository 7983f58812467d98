// Values over all angles and speeds, computed a few at a time so that the page stays quick.

import { MAX_SPEED } from "./physics.js";
import { paint } from "./view.js";

const SLICE_MS = 7;

/** A picture in the making: `work` goes on until it is ready. */
export class ValuePicture {
  /** @param {(theta: number, speed: number) => number} value */
  constructor(value, side) {
    Object.assign(this, { value, side, values: new Float32Array(side * side).fill(NaN), next: 0, picture: null });
  }

  get isReady() { return this.next >= this.values.length; }

  /** Some more pixels; true if the picture has changed. */
  work() {
    if (this.isReady) return false;
    const end = performance.now() + SLICE_MS, { side } = this;
    while (!this.isReady && performance.now() < end) {
      for (let n = 0; n < 8 && !this.isReady; n++, this.next++) {
        const column = this.next % side, row = Math.floor(this.next / side);
        this.values[this.next] = this.value(Math.PI - (2 * Math.PI * (column + 0.5)) / side, MAX_SPEED - (2 * MAX_SPEED * (row + 0.5)) / side);
      }
    }
    this.picture = paint(this.values, side);
    return true;
  }
}
