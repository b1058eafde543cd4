/**
 * The game of the front page: a generator with two Gaussian bumps descends the non-saturating loss against the optimal
 * discriminator of every moment, held fixed for the step. All is quadrature; no network, no chance.
 */

import { softplusOf } from "../engine/tensor.js";
import { gaussian, mixture, optimalLogit, value } from "./densities.js";
import { interval } from "./quadrature.js";

export const RATE = 0.1;
export const DATA = mixture([-1.8, 2], [0.45, 0.8], [0.4, 0.6]);
const GRID = interval(-9, 9, 25);

/** @typedef {{means: number[], logStds: number[], logits: number[]}} Bumps */

/** @returns {Bumps} */
export function beginning() {
  return { means: [-0.5, 0.5], logStds: [0, 0], logits: [0, 0] };
}

/** @param {Bumps} bumps */
export function generated({ means, logStds, logits }) {
  return mixture(means, logStds.map(Math.exp), shares(logits));
}

/** Softmax. @param {number[]} logits */
function shares(logits) {
  const most = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - most));
  return powers.map((power) => power / (powers[0] + powers[1]));
}

/** One step. @param {Bumps} bumps @returns {Bumps} */
export function step(bumps) {
  const logQ = generated(bumps);
  const weights = shares(bumps.logits);
  const parts = bumps.means.map((mean, k) => gaussian(mean, Math.exp(bumps.logStds[k])));
  const slope = { means: [0, 0], logStds: [0, 0], logits: [0, 0] };
  GRID.nodes.forEach((x, i) => {
    const q = logQ(x);
    const surprise = GRID.weights[i] * softplusOf(-optimalLogit(DATA(x), q)); // -log D*(x)
    for (let k = 0; k < 2; k++) {
      const mass = surprise * weights[k] * Math.exp(parts[k](x));
      const std = Math.exp(bumps.logStds[k]);
      const z = (x - bumps.means[k]) / std;
      slope.means[k] += (mass * z) / std;
      slope.logStds[k] += mass * (z * z - 1);
      slope.logits[k] += mass - surprise * weights[k] * Math.exp(q);
    }
  });
  const down = (values, slopes) => values.map((v, k) => v - RATE * slopes[k]);
  return {
    means: down(bumps.means, slope.means),
    logStds: down(bumps.logStds, slope.logStds),
    logits: down(bumps.logits, slope.logits),
  };
}

/** V(D*, G) @param {Bumps} bumps */
export function gameValue(bumps) {
  const logQ = generated(bumps);
  return value((x) => optimalLogit(DATA(x), logQ(x)), DATA, logQ, GRID);
}
