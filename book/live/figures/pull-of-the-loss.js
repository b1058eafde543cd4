/** Chapter 6: how strongly each loss pulls a generated point, over the logit that the discriminator gives it. */

import { sigmoidOf } from "../engine/tensor.js";
import { digits } from "../kit/dom.js";
import { figure } from "../kit/figure.js";
import { curve, Plot } from "../kit/plot.js";
import { PULLS } from "../mathematics/densities.js";

const AXIS = /** @type {[number, number]} */ ([-6, 6]);
const STYLES = /** @type {[string, string, string, string][]} */ ([
  ["minimax", "fake", "8 3", "- - saturating"],
  ["non_saturating", "real", "", "— non-saturating"],
  ["least_squares", "third", "2 3", "··· least squares"],
  ["wasserstein", "fourth", "8 3 2 3", "-·- Wasserstein, hinge"],
]);

/** @param {HTMLElement} host */
export function mount(host) {
  const state = { logit: -3 };
  const plot = new Plot({
    x: AXIS,
    y: [-1, 2],
    height: 280,
    xLabel: "logit of the generated point: fake ← 0 → real",
    yLabel: "pull",
    label: "Pull of four losses over the logit",
  });
  plot.line(
    "quiet",
    () => [
      [AXIS[0], 0],
      [AXIS[1], 0],
    ],
    { width: 1 },
  );
  for (const [name, color, dash] of STYLES) plot.line(color, () => curve(PULLS[name], AXIS), { dash });
  plot.line(
    "quiet",
    () => [
      [state.logit, -1],
      [state.logit, 2],
    ],
    { width: 1 },
  );
  for (const [name, color] of STYLES)
    plot.marks(color, () => [[state.logit, Math.min(2, PULLS[name](state.logit))]], "dot", 5);
  plot.handle({
    color: "ink",
    label: "Logit of the generated point",
    axis: "x",
    at: () => [state.logit, -1],
    move: ([x]) => {
      state.logit = x;
      update();
    },
  });
  const update = figure(host, {
    name: "The pull of each loss",
    attempt: "drag the point to the left, where the discriminator is sure that it is fake. Which loss still pulls?",
    plots: [plot],
    legend: STYLES.map(([, color, , text]) => /** @type {[string, string]} */ ([color, text])),
    readings: () => ({
      "D of the point": digits(sigmoidOf(state.logit)),
      saturating: digits(PULLS.minimax(state.logit)),
      "non-saturating": digits(PULLS.non_saturating(state.logit)),
      "least squares": digits(PULLS.least_squares(state.logit)),
    }),
  });
}
