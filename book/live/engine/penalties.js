/**
 * Penalties on the slope of a discriminator, and the clipping of its weights: the functions of `ganedu.penalties`.
 * Each is an unweighted mean over the batch, a tensor that can be differentiated in the weights.
 */

import { apply } from "./network.js";
import { mean, repeatColumns, sum, sumColumns } from "./matrix.js";
import { affine, atLeast, gradient, sqrt, square, Tensor } from "./tensor.js";

/** @typedef {import("./network.js").Network} Network */

const TINY = 2 ** -126; // a root has an infinite slope at 0: below this the slope counts as constant

/**
 * ‖∇f(xᵢ)‖² for each sample, [batch, 1]. Samples are independent, so the gradient of the sum holds all gradients.
 * @param {Network} critic
 * @param {Tensor} x [batch, inputs]
 */
function squaredSlope(critic, x) {
  const at = x.detach();
  const [slope] = gradient(sum(apply(critic, at)), [at], { again: true });
  return sumColumns(square(slope));
}

/** E ‖∇f(x)‖² / 2 @param {Network} critic @param {Tensor} x */
function zeroCentered(critic, x) {
  return affine(mean(squaredSlope(critic, x)), 0.5);
}

/**
 * E (‖∇f(x̂)‖ - 1)² with x̂ between a real and a generated sample.
 * @param {Network} critic
 * @param {Tensor} real [batch, inputs]
 * @param {Tensor} fake [batch, inputs]
 * @param {Tensor} mix [batch, 1] weights of the real samples
 */
function oneCentered(critic, real, fake, mix) {
  const { data } = repeatColumns(mix, real.cols);
  const between = real.data.map((x, i) => data[i] * x + (1 - data[i]) * fake.data[i]);
  const slope = sqrt(atLeast(squaredSlope(critic, new Tensor(between, real.rows, real.cols)), TINY));
  return mean(square(affine(slope, 1, -1)));
}

/** @type {Record<string, null | ((critic: Network, real: Tensor, fake: Tensor, mix: Tensor) => Tensor)>} */
export const PENALTIES = {
  none: null,
  gradient_penalty: oneCentered,
  r1: (critic, real) => zeroCentered(critic, real),
  r2: (critic, real, fake) => zeroCentered(critic, fake),
};

/** Put every weight back into [-limit, limit], in place. @param {Network} critic @param {number} limit */
export function clipWeights(critic, limit) {
  for (const { data } of critic.parameters) {
    for (let i = 0; i < data.length; i++) data[i] = Math.min(limit, Math.max(-limit, data[i]));
  }
}
