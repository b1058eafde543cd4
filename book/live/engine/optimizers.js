/** One step down a gradient. Each optimizer is PyTorch's of the same name, with its state per array of weights. */

/**
 * @typedef {{name: "adam" | "rmsprop" | "sgd", rate: number, beta1?: number, beta2?: number}} OptimizerSettings
 * @typedef {{step: number, first: Float64Array[], second: Float64Array[]}} OptimizerState
 */

const TINY = 1e-8;
const MEMORY = 0.99; // of RMSprop

/** @param {import("./tensor.js").Tensor[]} parameters @returns {OptimizerState} */
export function fresh(parameters) {
  const zeros = () => parameters.map((p) => new Float64Array(p.data.length));
  return { step: 0, first: zeros(), second: zeros() };
}

/**
 * Move the parameters, in place.
 * @param {OptimizerSettings} settings
 * @param {OptimizerState} state
 * @param {import("./tensor.js").Tensor[]} parameters
 * @param {import("./tensor.js").Tensor[]} gradients
 */
export function descend(settings, state, parameters, gradients) {
  state.step++;
  const rule = { adam, rmsprop, sgd }[settings.name];
  parameters.forEach((p, i) => rule(settings, state.step, p.data, gradients[i].data, state.first[i], state.second[i]));
}

function sgd({ rate }, step, w, g) {
  for (let i = 0; i < w.length; i++) w[i] -= rate * g[i];
}

function rmsprop({ rate }, step, w, g, first, v) {
  for (let i = 0; i < w.length; i++) {
    v[i] = MEMORY * v[i] + (1 - MEMORY) * g[i] * g[i];
    w[i] -= (rate * g[i]) / (Math.sqrt(v[i]) + TINY);
  }
}

function adam({ rate, beta1 = 0.5, beta2 = 0.999 }, step, w, g, m, v) {
  const length = rate / (1 - beta1 ** step);
  const scale = Math.sqrt(1 - beta2 ** step);
  for (let i = 0; i < w.length; i++) {
    m[i] += (1 - beta1) * (g[i] - m[i]);
    v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
    w[i] -= (length * m[i]) / (Math.sqrt(v[i]) / scale + TINY);
  }
}
