/**
 * Games of two numbers. Player x descends its loss, player y descends its own; `field` is what each of them descends,
 * minus the two slopes, and `play` follows it by the update rules of chapter 9.
 */

import { sigmoidOf } from "../engine/tensor.js";

/** @typedef {[number, number]} Point */
/** @typedef {(at: Point) => Point} Field */

/** min over x, max over y of x y. @returns {Field} */
export function bilinear() {
  return ([x, y]) => [-y, x];
}

/**
 * The Dirac-GAN: one data point at 0, one generated point at x, the discriminator's logit y times the place.
 * @param {"minimax" | "non_saturating" | "wasserstein"} loss
 * @param {"none" | "r1" | "gradient_penalty"} penalty on the slope of the logit, which is y everywhere
 * @param {number} weight
 * @returns {Field}
 */
export function dirac(loss, penalty, weight) {
  const generator = { minimax: sigmoidOf, non_saturating: (a) => sigmoidOf(-a), wasserstein: () => 1 }[loss];
  const discriminator = loss === "wasserstein" ? () => 1 : sigmoidOf;
  const pull = { none: () => 0, r1: (y) => y, gradient_penalty: (y) => 2 * (y - Math.sign(y)) }[penalty];
  return ([x, y]) => [y * generator(x * y), -x * discriminator(x * y) - weight * pull(y)];
}

/** Both move at once, from where both were. @param {Field} field @param {Point} at @param {number} rate @returns {Point} */
function simultaneous(field, at, rate) {
  const [u, v] = field(at);
  return [at[0] + rate * u, at[1] + rate * v];
}

/** y answers the x that has moved already. @param {Field} field @param {Point} at @param {number} rate @returns {Point} */
function alternating(field, at, rate) {
  const x = at[0] + rate * field(at)[0];
  return [x, at[1] + rate * field([x, at[1]])[1]];
}

/** A trial step tells the slopes for the true one. @param {Field} field @param {Point} at @param {number} rate @returns {Point} */
function extragradient(field, at, rate) {
  const [u, v] = field(simultaneous(field, at, rate));
  return [at[0] + rate * u, at[1] + rate * v];
}

export const RULES = { simultaneous, alternating, extragradient };

/**
 * The path of a game, its first point included. It ends early where it leaves the numbers.
 * @param {Field} field @param {keyof typeof RULES} rule @param {Point} start @param {number} rate @param {number} steps
 */
export function play(field, rule, start, rate, steps) {
  const path = [start];
  for (let i = 0; i < steps; i++) {
    const next = RULES[rule](field, path[i], rate);
    if (!next.every((x) => Math.abs(x) < 1e6)) break;
    path.push(next);
  }
  return path;
}

/** @param {Point} at */
export function radius(at) {
  return Math.hypot(...at);
}
