/** Chapters 13 and 14: the cheapest way from one set of points to another, and what the divergence sees of it. */

import { digits } from "../kit/dom.js";
import { button, figure } from "../kit/figure.js";
import { Plot } from "../kit/plot.js";
import { cheapest, jsd } from "../mathematics/transport.js";

/** @typedef {[number, number]} Point */

/** @returns {{real: Point[], fake: Point[]}} */
function beginning() {
  return {
    real: [
      [-1.5, 0.8],
      [-1.2, -0.6],
      [-0.4, 0.2],
      [-1.8, -1.2],
    ],
    fake: [
      [1.4, 1],
      [0.9, -0.2],
      [1.7, -0.8],
      [0.5, 0.7],
    ],
  };
}

/** @param {HTMLElement} host */
export function mount(host) {
  const state = beginning();
  const plan = () => cheapest(state.real, state.fake);
  const plot = new Plot({
    x: [-2.5, 2.5],
    y: [-1.6, 1.6],
    square: true,
    label: "Two sets of points and the cheapest plan between them",
  });
  plot.line("ink", () => plan().plan.flatMap((to, from) => [state.real[from], state.fake[to], [NaN, NaN]]), {
    width: 1.5,
    dash: "4 3",
  });
  for (const [side, color, name] of [
    ["real", "real", "Data"],
    ["fake", "fake", "Generated"],
  ]) {
    state[side].forEach((_, i) =>
      plot.handle({
        color,
        label: `${name} point ${i + 1}`,
        at: () => state[side][i],
        move: (to) => {
          state[side][i] = snap(to, state[side === "real" ? "fake" : "real"]);
          update();
        },
      }),
    );
  }
  const update = figure(host, {
    name: "Transport of points",
    attempt:
      "drag the orange points onto the blue ones. W₁ falls all the way; the divergence notices nothing until points coincide.",
    plots: [plot],
    controls: [
      button("Bring half of the way", () => {
        const { plan: to } = plan();
        to.forEach(
          (j, i) => (state.fake[j] = /** @type {Point} */ (state.fake[j].map((x, c) => (x + state.real[i][c]) / 2))),
        );
        update();
      }),
      button("Begin again", () => {
        Object.assign(state, beginning());
        update();
      }),
    ],
    legend: [
      ["real", "● data"],
      ["fake", "● generated"],
      ["ink", "- - cheapest plan"],
    ],
    readings: () => ({
      "W₁": digits(plan().w1, 4),
      JSD: digits(jsd(state.real, state.fake), 4),
      "log 2": digits(Math.LN2, 4),
    }),
  });
}

/** A point that comes close to another lands on it. @param {Point} to @param {Point[]} others @returns {Point} */
function snap(to, others) {
  const near = others.find((other) => Math.hypot(other[0] - to[0], other[1] - to[1]) < 0.12);
  return near ? [...near] : to;
}
