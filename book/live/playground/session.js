/** A run: settings, the two networks, the chance of its seed, and what was measured. It draws nothing. */

import { coverage, DATA, drawing } from "../engine/data.js";
import { drawNoise, drawReal, drawStep, NOISE } from "../engine/draws.js";
import { Game } from "../engine/game.js";
import { LOSSES } from "../engine/losses.js";
import { Random } from "../engine/random.js";

export const SHOWN = 400; // generated points, of the same noise throughout: so one sees them move
const LONGEST = 600; // entries of the history; when they are full, two become one
const FAR = 1e3; // coordinates beyond which a run has left the field for good

/** Settings of which a new value needs new networks. */
export const STRUCTURE = ["data", "width", "depth", "noise", "seed"];

/** @typedef {{step: number, discriminator: number, generator: number, modes: number, slope: number}} Entry */

export class Session {
  /**
   * @param {import("./settings.js").Settings} settings
   * @param {[number, number][]} points of the reader's drawing
   */
  constructor(settings, points) {
    this.settings = settings;
    this.data = settings.data === "drawing" ? drawing(points) : DATA[settings.data];
    const random = new Random(settings.seed);
    const hidden = Array(settings.depth).fill(settings.width);
    this.game = new Game(NOISE[settings.noise].dim, hidden, hidden, random);
    this.shownNoise = drawNoise(settings.noise, SHOWN, random);
    this.shownReal = drawReal(this.data, SHOWN, random);
    this.random = random;
    this.steps = 0;
    /** @type {Entry[]} */
    this.history = [];
    this.every = 1;
    /** @type {string | null} why the run has stopped for good */
    this.over = null;
    this.numbers = { discriminator: NaN, generator: NaN, penalty: 0, slope: NaN };
    this.shown = this.game.generate(this.shownNoise);
    this.reached = coverage(this.shown, this.data.parts, this.data.radius);
  }

  /** The rules of the step that the settings name. @returns {import("../engine/game.js").Rules} */
  get rules() {
    const s = this.settings;
    const optimizer = (rate) => ({ name: s.optimizer, rate, beta1: s.beta1 });
    return {
      loss: s.loss,
      penalty: s.penalty,
      penaltyWeight: s.weight,
      clip: s.clip,
      criticSteps: s.updates,
      generator: optimizer(s.rateG),
      discriminator: optimizer(s.rateD),
    };
  }

  /** Other settings from now on, on the same networks. @param {import("./settings.js").Settings} settings */
  change(settings) {
    if (settings.optimizer !== this.settings.optimizer) this.game.forget();
    this.settings = settings;
  }

  /** More points of the drawing, for the same networks. @param {[number, number][]} points */
  redraw(points) {
    this.data = drawing(points);
    this.shownReal = drawReal(this.data, SHOWN, new Random(this.settings.seed));
    this.look();
  }

  /** One step of both players. */
  step() {
    if (this.over) return;
    const { data, settings } = this;
    this.numbers = this.game.step(
      this.rules,
      drawStep(data, settings.noise, settings.batch, settings.updates, this.random),
    );
    this.steps++;
    this.over = this.diagnosis();
    if (!this.over && this.steps % this.every === 0) this.remember();
  }

  /** Where the shown noise lands now, and what of the data it reaches. */
  look() {
    this.shown = this.game.generate(this.shownNoise);
    this.reached = coverage(this.shown, this.data.parts, this.data.radius);
    return this.reached;
  }

  remember() {
    const { discriminator, generator, slope } = this.numbers;
    this.history.push({ step: this.steps, discriminator, generator, slope, modes: this.reached.modes });
    if (this.history.length > LONGEST) {
      this.history = this.history.filter((_, i) => i % 2 === 1);
      this.every *= 2;
    }
  }

  /** What the losses are where the game is won by nobody. */
  get ideal() {
    return LOSSES[this.settings.loss].ideal;
  }

  /** Why no further step makes sense, if none does. */
  diagnosis() {
    const { discriminator, generator, slope } = this.numbers;
    const advice = "Lower the rates, add a penalty, or clip the weights; then start again.";
    const at = `Stopped at step ${this.steps}: `;
    if (!Number.isFinite(discriminator))
      return `${at}the discriminator's loss is not a finite number any more. ${advice}`;
    if (!Number.isFinite(generator) || !Number.isFinite(slope)) {
      return `${at}the generator's loss or its gradient is not a finite number any more. ${advice}`;
    }
    if (Math.max(Math.abs(discriminator), Math.abs(generator)) > 1e9) {
      return `${at}a loss has passed a billion, so the scores grow without bound. ${advice}`;
    }
    const last = this.game.generator.parameters;
    const bias = last[last.length - 1].data;
    if (!bias.every(Number.isFinite) || bias.some((b) => Math.abs(b) > FAR)) {
      return `${at}the generated points are more than a thousand units away. ${advice}`;
    }
    return null;
  }
}
