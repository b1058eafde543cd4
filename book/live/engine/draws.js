/** The chance of a training step: real points, noise, and weights between real and fake. */

/** @type {Record<string, {title: string, dim: number, draw: (random: import("./random.js").Random) => number}>} */
export const NOISE = {
  normal: { title: "normal, 2 numbers", dim: 2, draw: (random) => random.normal() },
  uniform: { title: "uniform, 2 numbers", dim: 2, draw: (random) => 2 * random.uniform() - 1 },
  line: { title: "normal, 1 number", dim: 1, draw: (random) => random.normal() },
};

/** @param {string} noise a name in NOISE @param {number} n @param {import("./random.js").Random} random */
export function drawNoise(noise, n, random) {
  const { dim, draw } = NOISE[noise];
  return Float64Array.from({ length: n * dim }, () => draw(random));
}

/** @param {import("./data.js").DataSet} data @param {number} n @param {import("./random.js").Random} random */
export function drawReal(data, n, random) {
  const out = new Float64Array(2 * n);
  for (let i = 0; i < n; i++) out.set(data.draw(random), 2 * i);
  return out;
}

/**
 * @param {import("./data.js").DataSet} data
 * @param {string} noise
 * @param {number} batch
 * @param {number} criticSteps
 * @param {import("./random.js").Random} random
 * @returns {import("./game.js").Draws}
 */
export function drawStep(data, noise, batch, criticSteps, random) {
  const each = (make) => Array.from({ length: criticSteps }, make);
  return {
    real: each(() => drawReal(data, batch, random)),
    noise: each(() => drawNoise(noise, batch, random)),
    mix: each(() => Float64Array.from({ length: batch }, () => random.uniform())),
  };
}
