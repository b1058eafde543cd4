/**
 * The game: a generator, a discriminator, and the step that trains both. It is the step of
 * `ganedu.recipes.adversarial.Recipe`: the discriminator descends on `criticSteps` batches, then the generator descends
 * once, on the fakes that the discriminator saw last.
 */

import { LOSSES } from "./losses.js";
import { scope } from "./memory.js";
import { apply, DISCRIMINATOR_SLOPE, GENERATOR_SLOPE, network } from "./network.js";
import { descend, fresh } from "./optimizers.js";
import { clipWeights, PENALTIES } from "./penalties.js";
import { add, affine, gradient, Tensor } from "./tensor.js";

/**
 * @typedef {object} Rules what the step needs to know
 * @property {string} loss a name in LOSSES
 * @property {string} penalty a name in PENALTIES
 * @property {number} penaltyWeight
 * @property {number} clip limit of the discriminator's weights, 0 for none
 * @property {number} criticSteps
 * @property {import("./optimizers.js").OptimizerSettings} generator
 * @property {import("./optimizers.js").OptimizerSettings} discriminator
 *
 * @typedef {object} Draws all chance of one step: `criticSteps` arrays each
 * @property {Float64Array[]} real [batch * 2]
 * @property {Float64Array[]} noise [batch * noise dimension]
 * @property {Float64Array[]} mix [batch], for a penalty between real and fake
 *
 * @typedef {{discriminator: number, generator: number, penalty: number, slope: number}} Numbers
 */

/** A generator and a discriminator with the memories of their optimizers. */
export class Game {
  /**
   * @param {number} noiseDim
   * @param {number[]} hiddenG widths of the generator's hidden layers
   * @param {number[]} hiddenD
   * @param {import("./random.js").Random} random
   */
  constructor(noiseDim, hiddenG, hiddenD, random) {
    this.noiseDim = noiseDim;
    this.generator = network([noiseDim, ...hiddenG, 2], GENERATOR_SLOPE, random);
    this.discriminator = network([2, ...hiddenD, 1], DISCRIMINATOR_SLOPE, random);
    this.memory = this.unused();
  }

  /** Begin the optimizers afresh, as for another optimizer. */
  forget() {
    this.memory = this.unused();
  }

  unused() {
    return { generator: fresh(this.generator.parameters), discriminator: fresh(this.discriminator.parameters) };
  }

  /**
   * One step of each player.
   * @param {Rules} rules
   * @param {Draws} draws
   * @returns {Numbers} the two losses, the unweighted penalty, and how steep the generator's loss is
   */
  step(rules, draws) {
    return scope(() => {
      let judged = { loss: 0, penalty: 0 };
      let fake;
      for (let i = 0; i < rules.criticSteps; i++) {
        fake = this.samples(draws.noise[i]);
        judged = this.discriminatorStep(rules, points(draws.real[i]), fake.detach(), draws.mix[i]);
      }
      const real = points(draws.real[rules.criticSteps - 1]);
      const moved = this.generatorStep(rules, real, /** @type {Tensor} */ (fake));
      return { discriminator: judged.loss, penalty: judged.penalty, generator: moved.loss, slope: moved.slope };
    });
  }

  /** @param {Rules} rules @param {Tensor} real @param {Tensor} fake @param {Float64Array} mix */
  discriminatorStep(rules, real, fake, mix) {
    const { parameters } = this.discriminator;
    const { loss, penalty, total } = this.discriminatorLoss(rules, real, fake, mix);
    descend(rules.discriminator, this.memory.discriminator, parameters, gradient(total, parameters));
    if (rules.clip) clipWeights(this.discriminator, rules.clip);
    return { loss: loss.value, penalty: penalty?.value ?? 0 };
  }

  /** @param {Rules} rules @param {Tensor} real @param {Tensor} fake @param {Float64Array} mix */
  discriminatorLoss(rules, real, fake, mix) {
    const loss = LOSSES[rules.loss].discriminator(this.judge(real), this.judge(fake));
    const term = PENALTIES[rules.penalty];
    const penalty = term?.(this.discriminator, real, fake, new Tensor(mix, mix.length, 1));
    return { loss, penalty, total: penalty ? add(loss, affine(penalty, rules.penaltyWeight)) : loss };
  }

  /** @param {Rules} rules @param {Tensor} real @param {Tensor} fake */
  generatorStep(rules, real, fake) {
    const { parameters } = this.generator;
    const loss = this.generatorLoss(rules, real, fake);
    const gradients = gradient(loss, parameters);
    const slope = Math.sqrt(gradients.reduce((sum, { data }) => data.reduce((s, g) => s + g * g, sum), 0));
    descend(rules.generator, this.memory.generator, parameters, gradients);
    return { loss: loss.value, slope };
  }

  /** @param {Rules} rules @param {Tensor} real @param {Tensor} fake */
  generatorLoss(rules, real, fake) {
    const loss = LOSSES[rules.loss];
    const judged = this.judge(fake);
    return loss.generator(judged, loss.relativistic ? this.judge(real) : judged);
  }

  /**
   * Which way, and how strongly, each generated point is pulled: minus the gradient of its own loss.
   * @param {Rules} rules
   * @param {Float64Array} at
   * @param {Float64Array} real as many points
   */
  pulls(rules, at, real) {
    return scope(() => {
      const x = points(at);
      const [slope] = gradient(this.generatorLoss(rules, points(real), x), [x]);
      return slope.data.map((g) => -g * x.rows);
    });
  }

  /** Samples [batch, 2] of the noise [batch * noiseDim]. @param {Float64Array} noise */
  samples(noise) {
    return apply(this.generator, new Tensor(noise, noise.length / this.noiseDim, this.noiseDim));
  }

  /** Logits [batch, 1]. @param {Tensor} x */
  judge(x) {
    return apply(this.discriminator, x);
  }

  /** The same samples as plain numbers. @param {Float64Array} noise */
  generate(noise) {
    return scope(() => this.samples(noise).data.slice());
  }

  /** Logits of points as plain numbers, by an earlier copy of the discriminator if one is given. @param {Float64Array} at */
  logits(at, discriminator = this.discriminator) {
    return scope(() => apply(discriminator, points(at)).data.slice());
  }
}

/** @param {Float64Array} data x, y, x, y, ... */
function points(data) {
  return new Tensor(data, data.length / 2, 2);
}
