/**
 * What each player descends, on logits [batch, 1]: the functions of `ganedu.losses`, name by name. Means over the
 * batch, in nats. `ideal` is the value where the two densities agree and the discriminator can do no better.
 */

import { mean } from "./matrix.js";
import { affine, leakyRelu, softplus, square, subtract } from "./tensor.js";

/** @typedef {import("./tensor.js").Tensor} Tensor */

/** -E log D(x) - E log(1 - D(G(z))) @param {Tensor} real @param {Tensor} fake */
function crossEntropy(real, fake) {
  return addUp(mean(softplus(affine(real, -1))), mean(softplus(fake)));
}

/** E f(G(z)) - E f(x) @param {Tensor} real @param {Tensor} fake */
function critic(real, fake) {
  return subtract(mean(fake), mean(real));
}

/** E (f(x) - 1)² / 2 + E f(G(z))² / 2 @param {Tensor} real @param {Tensor} fake */
function leastSquares(real, fake) {
  return affine(addUp(mean(square(affine(real, 1, -1))), mean(square(fake))), 0.5);
}

/** E max(0, 1 - f(x)) + E max(0, 1 + f(G(z))) @param {Tensor} real @param {Tensor} fake */
function hinge(real, fake) {
  return addUp(mean(leakyRelu(affine(real, -1, 1))), mean(leakyRelu(affine(fake, 1, 1))));
}

/** -E log sigmoid(a(x) - a(G(z))), sample by sample @param {Tensor} real @param {Tensor} fake */
function relativistic(real, fake) {
  return mean(softplus(subtract(fake, real)));
}

/** -E f(G(z)) @param {Tensor} fake */
function criticGenerator(fake) {
  return affine(mean(fake), -1);
}

/** @param {Tensor} a @param {Tensor} b */
function addUp(a, b) {
  return subtract(a, affine(b, -1));
}

const LOG2 = Math.LN2;

/**
 * @typedef {object} Loss
 * @property {(real: Tensor, fake: Tensor) => Tensor} discriminator
 * @property {(fake: Tensor, real: Tensor) => Tensor} generator only a relativistic one looks at the real logits
 * @property {{discriminator: number, generator: number | null}} ideal null: any constant may be added to a critic
 * @property {boolean} [relativistic]
 */

/** @type {Record<string, Loss>} */
export const LOSSES = {
  minimax: {
    discriminator: crossEntropy,
    generator: (fake) => affine(mean(softplus(fake)), -1),
    ideal: { discriminator: 2 * LOG2, generator: -LOG2 },
  },
  non_saturating: {
    discriminator: crossEntropy,
    generator: (fake) => mean(softplus(affine(fake, -1))),
    ideal: { discriminator: 2 * LOG2, generator: LOG2 },
  },
  least_squares: {
    discriminator: leastSquares,
    generator: (fake) => affine(mean(square(affine(fake, 1, -1))), 0.5),
    ideal: { discriminator: 1 / 4, generator: 1 / 8 },
  },
  wasserstein: { discriminator: critic, generator: criticGenerator, ideal: { discriminator: 0, generator: null } },
  hinge: { discriminator: hinge, generator: criticGenerator, ideal: { discriminator: 2, generator: null } },
  relativistic: {
    discriminator: relativistic,
    generator: (fake, real) => relativistic(fake, real),
    ideal: { discriminator: LOG2, generator: LOG2 },
    relativistic: true,
  },
};
