/** Fully connected networks, as in `ganedu.networks.mlp`: weights [outputs, inputs], ReLU or leaky ReLU between. */

import { addRow, productRight } from "./matrix.js";
import { leakyRelu, Tensor } from "./tensor.js";

export const GENERATOR_SLOPE = 0; // ReLU
export const DISCRIMINATOR_SLOPE = 0.2; // leaky ReLU

/**
 * Weights and biases of linear maps between consecutive widths, uniform within 1/√inputs like PyTorch's own.
 * @param {number[]} widths
 * @param {number} slope of the activation for negative inputs
 * @param {import("./random.js").Random} random
 */
export function network(widths, slope, random) {
  /** @type {Tensor[]} */
  const parameters = [];
  for (let layer = 1; layer < widths.length; layer++) {
    const [inputs, outputs] = [widths[layer - 1], widths[layer]];
    const draw = () => (2 * random.uniform() - 1) / Math.sqrt(inputs);
    parameters.push(new Tensor(Float64Array.from({ length: inputs * outputs }, draw), outputs, inputs));
    parameters.push(new Tensor(Float64Array.from({ length: outputs }, draw), 1, outputs));
  }
  return { parameters, slope };
}

/** @typedef {ReturnType<typeof network>} Network */

/** A network that stays as it is now while the other trains on. @param {Network} net @returns {Network} */
export function copied({ parameters, slope }) {
  return { parameters: parameters.map((p) => new Tensor(p.data.slice(), p.rows, p.cols)), slope };
}

/**
 * The outputs [batch, outputs] of a network; no activation after the last layer.
 * @param {Network} net
 * @param {Tensor} x [batch, inputs]
 */
export function apply(net, x) {
  const { parameters, slope } = net;
  for (let i = 0; i < parameters.length; i += 2) {
    if (i) x = leakyRelu(x, slope);
    x = addRow(productRight(x, parameters[i]), parameters[i + 1]);
  }
  return x;
}
