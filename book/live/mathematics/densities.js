/** Densities on the line and what chapters 4 to 6 make of two of them. Everything is in nats. */

import { sigmoidOf, softplusOf } from "../engine/tensor.js";
import { integrate } from "./quadrature.js";

/** @typedef {(x: number) => number} LogDensity */

const HALF_LOG_TAU = Math.log(2 * Math.PI) / 2;

/** Log density of N(mean, std²). @param {number} mean @param {number} std @returns {LogDensity} */
export function gaussian(mean, std) {
  const shift = HALF_LOG_TAU + Math.log(std);
  return (x) => -(((x - mean) / std) ** 2) / 2 - shift;
}

/** log(eᵃ + eᵇ) @param {number} a @param {number} b */
export function logAdd(a, b) {
  const most = Math.max(a, b);
  return most === -Infinity ? most : most + Math.log1p(Math.exp(Math.min(a, b) - most));
}

/**
 * Log density of a mixture of two Gaussians.
 * @param {number[]} means @param {number[]} stds @param {number[]} weights that add up to 1
 * @returns {LogDensity}
 */
export function mixture(means, stds, weights) {
  const parts = means.map((mean, k) => gaussian(mean, stds[k]));
  return (x) => logAdd(Math.log(weights[0]) + parts[0](x), Math.log(weights[1]) + parts[1](x));
}

/** Logit of the optimal discriminator. @param {number} logP @param {number} logQ @param {number} prior */
export function optimalLogit(logP, logQ, prior = 0.5) {
  return logP - logQ + Math.log(prior / (1 - prior));
}

/** D* = prior p / (prior p + (1 - prior) q) @param {number} logP @param {number} logQ @param {number} prior */
export function optimalD(logP, logQ, prior = 0.5) {
  return sigmoidOf(optimalLogit(logP, logQ, prior));
}

/** What one place x adds to the value of the game: h(d) = prior p log d + (1 - prior) q log(1 - d) */
export function share(d, p, q, prior = 0.5) {
  return prior * p * Math.log(d) + (1 - prior) * q * Math.log1p(-d);
}

/** KL(p || q) @param {LogDensity} logP @param {LogDensity} logQ @param {import("./quadrature.js").Grid} grid */
export function kl(logP, logQ, grid) {
  return integrate(grid, (x) => Math.exp(logP(x)) * (logP(x) - logQ(x)));
}

/** JSD(p, q) @param {LogDensity} logP @param {LogDensity} logQ @param {import("./quadrature.js").Grid} grid */
export function js(logP, logQ, grid) {
  return integrate(grid, (x) => {
    const [p, q] = [logP(x), logQ(x)];
    const middle = logAdd(p, q) - Math.LN2;
    return (Math.exp(p) * (p - middle) + Math.exp(q) * (q - middle)) / 2;
  });
}

/**
 * Value V(D, G) of the game for the discriminator with the given logit.
 * @param {(x: number) => number} logit
 * @param {LogDensity} logP @param {LogDensity} logQ @param {import("./quadrature.js").Grid} grid
 */
export function value(logit, logP, logQ, grid) {
  return integrate(grid, (x) => {
    const a = logit(x);
    return -Math.exp(logP(x)) * softplusOf(-a) - Math.exp(logQ(x)) * softplusOf(a);
  });
}

/** How strongly each loss pulls a generated point, per unit of its logit a: minus the slope of the generator's loss. */
export const PULLS = {
  minimax: (a) => sigmoidOf(a),
  non_saturating: (a) => sigmoidOf(-a),
  least_squares: (a) => 1 - a,
  wasserstein: () => 1,
};
