/** Chapter 17: move, widen, or take a mode from a generated cloud, and read what three measures say. */

import { Random } from "../engine/random.js";
import { digits } from "../kit/dom.js";
import { figure, slider, tick } from "../kit/figure.js";
import { Plot } from "../kit/plot.js";
import { frechet, precisionRecall } from "../mathematics/evaluation.js";

/** @typedef {[number, number]} Point */

const HALF = 60; // points of a mode
const CENTERS = [-1.2, 1.2];
const STD = 0.45;

/** Standard normal pairs, always the same. @param {number} seed @returns {Point[]} */
function normals(seed) {
  const random = new Random(seed);
  return Array.from({ length: 2 * HALF }, () => [random.normal(), random.normal()]);
}

const REAL = cloud(normals(1), { shift: [0, 0], width: 1, dropped: false });

/**
 * Two bells, moved and widened; without the second mode all points belong to the first.
 * @param {Point[]} noise @param {{shift: Point, width: number, dropped: boolean}} state
 * @returns {Point[]}
 */
function cloud(noise, { shift, width, dropped }) {
  return noise.map(([x, y], i) => {
    const center = CENTERS[dropped || i < HALF ? 0 : 1];
    return [shift[0] + center + width * STD * x, shift[1] + width * STD * y];
  });
}

/** @param {HTMLElement} host */
export function mount(host) {
  const state = { shift: /** @type {Point} */ ([0, 0]), width: 1, dropped: false };
  const noise = normals(2);
  const fake = () => cloud(noise, state);
  const plot = new Plot({ x: [-4, 4], y: [-2.4, 2.4], square: true, label: "Real and generated points" });
  plot.marks("real", () => REAL, "dot", 2.6);
  plot.marks("fake", fake, "cross", 3);
  plot.handle({
    color: "fake",
    label: "The generated cloud",
    at: () => state.shift,
    move: (to) => change({ shift: to }),
  });
  const update = figure(host, {
    name: "What measures see of a cloud",
    attempt:
      "drag the cloud, widen it, drop a mode. Which change does precision not see, and which does recall not see?",
    plots: [plot],
    controls: [
      slider("Width", { low: 0.1, high: 2, step: 0.1, value: 1 }, (width) => change({ width })),
      tick("Drop a mode", false, (dropped) => change({ dropped })),
    ],
    legend: [
      ["real", "● real"],
      ["fake", "✕ generated"],
    ],
    readings: () => {
      const made = fake();
      const { precision, recall } = precisionRecall(REAL, made);
      return {
        "Fréchet distance": digits(frechet(REAL, made)),
        Precision: digits(precision, 2),
        Recall: digits(recall, 2),
      };
    },
  });

  function change(changes) {
    Object.assign(state, changes);
    update();
  }
}
