/** Chapter 4: one place x adds h(d) to the value; its peak, place by place, is the optimal discriminator. */

import { digits } from "../kit/dom.js";
import { figure, slider } from "../kit/figure.js";
import { curve, Plot } from "../kit/plot.js";
import { gaussian, optimalD, share } from "../mathematics/densities.js";

const AXIS = /** @type {[number, number]} */ ([-5, 5]);
const STD = 1;

/** @param {HTMLElement} host */
export function mount(host) {
  const state = { p: -1, q: 1.5, x: 0, prior: 0.5 };
  const p = (x) => gaussian(state.p, STD)(x);
  const q = (x) => gaussian(state.q, STD)(x);
  const best = (x) => optimalD(p(x), q(x), state.prior);
  const densities = new Plot({
    x: AXIS,
    y: [0, 1],
    height: 240,
    xLabel: "x",
    label: "Two densities and the optimal discriminator",
  });
  densities.line("real", () => curve((x) => Math.exp(p(x)), AXIS));
  densities.line("fake", () => curve((x) => Math.exp(q(x)), AXIS), { dash: "8 3" });
  densities.line("ink", () => curve(best, AXIS), { dash: "2 3" });
  densities.line(
    "quiet",
    () => [
      [state.x, 0],
      [state.x, 1],
    ],
    { width: 1 },
  );
  densities.marks("ink", () => [[state.x, best(state.x)]], "dot", 4);
  const along = (name, color, label, height) =>
    densities.handle({
      color,
      label,
      axis: "x",
      at: () => [state[name], height()],
      move: ([x]) => {
        state[name] = x;
        update();
      },
    });
  along("p", "real", "Mean of the data", () => Math.exp(p(state.p)));
  along("q", "fake", "Mean of the generated points", () => Math.exp(q(state.q)));
  along("x", "ink", "The place x", () => 0);

  const here = (d) => share(d, Math.exp(p(state.x)), Math.exp(q(state.x)), state.prior);
  const value = new Plot({
    x: [0, 1],
    y: [-0.4, 0],
    height: 200,
    xLabel: "answer d",
    yLabel: "h(d) at the place x",
    label: "What the place adds to the value, over the answer",
  });
  value.line("third", () => curve((d) => (d <= 0 || d >= 1 ? NaN : here(d)), [0, 1], 400));
  value.marks("ink", () => [[best(state.x), here(best(state.x))]], "dot", 5);

  const update = figure(host, {
    name: "The optimal discriminator",
    attempt:
      "drag the two bells and the place x. The best answer at x is where h is highest; collected over all x it is the dotted curve.",
    plots: [densities, value],
    controls: [
      slider("Share of real samples", { low: 0.05, high: 0.95, step: 0.05, value: 0.5 }, (prior) => {
        state.prior = prior;
        update();
      }),
    ],
    legend: [
      ["real", "— data, p"],
      ["fake", "- - generated, q"],
      ["ink", "··· D*"],
      ["third", "— h(d)"],
    ],
    readings: () => ({
      x: digits(state.x, 2),
      "p(x)": digits(Math.exp(p(state.x))),
      "q(x)": digits(Math.exp(q(state.x))),
      "D*(x)": digits(best(state.x)),
    }),
  });
}
