/** How many steps fit into a frame, and how fast it all goes. */

const BUDGET = 9; // milliseconds of a frame for training; the rest is for drawing
const USUAL = 1000 / 60;
const MEMORY = 0.95; // of the averages

export class Pace {
  constructor() {
    this.frames = 0;
    this.owed = 0; // steps
    /** @type {number | null} */
    this.before = null;
    this.period = USUAL; // mean milliseconds of a frame
    this.done = 0; // mean steps in a frame
  }

  /** After a pause nothing is owed. */
  rest() {
    this.owed = 0;
    this.before = null;
    this.period = USUAL;
    this.done = 0;
  }

  /**
   * Take the steps of this frame.
   * @param {number} now time of the frame, in milliseconds
   * @param {number} rate steps in a second; Infinity: as many as fit
   * @param {() => boolean} step false: no more
   */
  steps(now, rate, step) {
    const passed = this.before === null ? this.period : Math.min(now - this.before, 250);
    this.before = now;
    this.owed = Math.min(this.owed + (rate * passed) / 1000, rate === Infinity ? Infinity : 1 + rate / 10);
    const end = performance.now() + BUDGET;
    let taken = 0;
    while (this.owed >= 1 && (taken === 0 || performance.now() < end)) {
      this.owed--;
      taken++;
      if (!step()) break;
    }
    this.frames++;
    this.period = MEMORY * this.period + (1 - MEMORY) * passed;
    this.done = MEMORY * this.done + (1 - MEMORY) * taken;
  }

  get text() {
    return `${Math.round((1000 * this.done) / this.period)} steps, ${Math.round(1000 / this.period)} frames a second`;
  }
}
