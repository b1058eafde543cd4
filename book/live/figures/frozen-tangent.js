/** Chapter 5: the divergence along a shift, and what a discriminator that does not follow believes. */

import { digits } from "../kit/dom.js";
import { figure, tick } from "../kit/figure.js";
import { curve, Plot } from "../kit/plot.js";
import { gaussian, js, kl, optimalLogit, value } from "../mathematics/densities.js";
import { interval } from "../mathematics/quadrature.js";

const AXIS = /** @type {[number, number]} */ ([-5, 5]);
const GRID = interval(-12, 12, 20, 10);
const P = gaussian(0, 1);
const NODES = 80;

/** JSD of N(0, 1) and N(shift, 1). @param {number} shift */
export function divergence(shift) {
  return js(P, gaussian(shift, 1), GRID);
}

/** What (V + log 4) / 2 becomes when the generator goes to `shift` and the discriminator stays optimal for `at`. */
export function frozen(at, shift) {
  return (value((x) => optimalLogit(P(x), gaussian(at, 1)(x)), P, gaussian(shift, 1), GRID) + Math.log(4)) / 2;
}

/** @param {HTMLElement} host */
export function mount(host) {
  const state = { shift: 2, both: false };
  const divergences = curve(divergence, AXIS, NODES);
  const plot = new Plot({
    x: AXIS,
    y: [-0.5, 1],
    height: 300,
    xLabel: "shift of the generated bell",
    yLabel: "nats",
    label: "Divergences over the shift",
  });
  plot.line(
    "quiet",
    () => [
      [AXIS[0], Math.LN2],
      [AXIS[1], Math.LN2],
    ],
    { width: 1, dash: "2 4" },
  );
  plot.line("third", () => divergences, { width: 2.5 });
  plot.line("fake", () => curve((shift) => frozen(state.shift, shift), AXIS, NODES), { dash: "8 3" });
  plot.line("fourth", () => (state.both ? curve((shift) => kl(P, gaussian(shift, 1), GRID), AXIS, NODES) : []), {
    dash: "2 3",
  });
  plot.handle({
    color: "ink",
    label: "Shift",
    axis: "x",
    at: () => [state.shift, divergence(state.shift)],
    move: ([shift]) => {
      state.shift = shift;
      update();
    },
  });
  const update = figure(host, {
    name: "Jensen-Shannon divergence and the frozen discriminator",
    attempt:
      "drag the point. The dashed curve touches: a discriminator that stays put gives the right slope where it was optimal, and nowhere else.",
    plots: [plot],
    controls: [
      tick("KL too", false, (on) => {
        state.both = on;
        update();
      }),
    ],
    legend: [
      ["third", "— JSD(p, q)"],
      ["fake", "- - the frozen discriminator's value"],
      ["fourth", "··· KL(p, q)"],
      ["quiet", "··· log 2"],
    ],
    readings: () => ({
      Shift: digits(state.shift, 2),
      JSD: digits(divergence(state.shift), 4),
      KL: digits(kl(P, gaussian(state.shift, 1), GRID), 4),
      "log 2": digits(Math.LN2, 4),
    }),
  });
}
