/** Chapter 16: a matrix turns the unit circle into an ellipse; power iteration finds its longer half axis. */

import { digits } from "../kit/dom.js";
import { button, figure } from "../kit/figure.js";
import { curve, Plot } from "../kit/plot.js";
import { image, powerIteration, singularValues } from "../mathematics/spectral.js";

/** @typedef {[number, number]} Point */

const TURN = 2 * Math.PI;
const MOST = 12; // iterations

/** @param {HTMLElement} host */
export function mount(host) {
  const state = { first: /** @type {Point} */ ([1.4, 0.5]), second: /** @type {Point} */ ([-0.3, 0.8]), steps: 0 };
  const matrix = () =>
    /** @type {[Point, Point]} */ ([
      [state.first[0], state.second[0]],
      [state.first[1], state.second[1]],
    ]);
  const path = () => powerIteration(matrix(), [0, 1], MOST);
  const now = () => path()[Math.min(state.steps, path().length - 1)];
  const circle = curve((t) => t, [0, TURN]).map(([t]) => /** @type {Point} */ ([Math.cos(t), Math.sin(t)]));
  const plane = new Plot({ x: [-2.2, 2.2], y: [-2.2, 2.2], square: true, label: "The unit circle and its image" });
  plane.line("quiet", () => circle, { width: 1 });
  plane.line("fake", () => circle.map((v) => image(matrix(), v)));
  plane.line("real", () => [[0, 0], now().v], { width: 3 });
  plane.line("ink", () => [[0, 0], image(matrix(), now().v)], { width: 3, dash: "6 3" });
  for (const [name, label] of /** @type {["first" | "second", string][]} */ ([
    ["first", "Image of (1, 0)"],
    ["second", "Image of (0, 1)"],
  ])) {
    plane.handle({
      color: name === "first" ? "third" : "fourth",
      label,
      at: () => state[name],
      move: (to) => {
        state[name] = to;
        update();
      },
    });
  }
  const estimate = new Plot({
    x: [0, MOST],
    y: [0, 3],
    height: 260,
    xLabel: "iteration",
    yLabel: "estimate ‖W v‖",
    label: "Estimate over the iterations",
  });
  estimate.line("quiet", () => curve(() => singularValues(matrix())[0], [0, MOST], 1), { dash: "2 4" });
  estimate.marks(
    "ink",
    () =>
      path()
        .slice(0, state.steps + 1)
        .map(({ estimate: s }, i) => [i, s]),
    "dot",
    4,
  );
  const update = figure(host, {
    name: "Power iteration",
    attempt: "press Iterate, then drag the images of the two axes. When are many iterations needed?",
    plots: [plane, estimate],
    controls: [
      button("Iterate", () => {
        state.steps = Math.min(MOST, state.steps + 1);
        update();
      }),
      button("Begin again", () => {
        state.steps = 0;
        update();
      }),
    ],
    legend: [
      ["real", "— v"],
      ["ink", "- - W v"],
      ["fake", "— image of the circle"],
    ],
    readings: () => {
      const [most, least] = singularValues(matrix());
      return {
        Iteration: String(state.steps),
        "‖W v‖": digits(now().estimate, 5),
        "σ₁": digits(most, 5),
        "σ₂": digits(least, 5),
      };
    },
  });
}
