/** Chapter 9: drop a point into a game of two numbers and follow it. */

import { digits } from "../kit/dom.js";
import { choice, figure, slider } from "../kit/figure.js";
import { Plot } from "../kit/plot.js";
import { bilinear, dirac, play, radius } from "../mathematics/dynamics.js";

const STEPS = 200;
const ARROWS = 11; // in each direction
const WEIGHT = 0.5; // of the penalties

/** @type {Record<string, {title: string, field: import("../mathematics/dynamics.js").Field}>} */
export const GAMES = {
  bilinear: { title: "bilinear, x y", field: bilinear() },
  dirac: { title: "Dirac-GAN, saturating", field: dirac("minimax", "none", 0) },
  non_saturating: { title: "Dirac-GAN, non-saturating", field: dirac("non_saturating", "none", 0) },
  r1: { title: "Dirac-GAN with R1", field: dirac("non_saturating", "r1", WEIGHT) },
  wasserstein: { title: "Dirac-WGAN", field: dirac("wasserstein", "none", 0) },
  gradient_penalty: {
    title: "Dirac-WGAN with gradient penalty",
    field: dirac("wasserstein", "gradient_penalty", WEIGHT),
  },
};

/** @param {HTMLElement} host */
export function mount(host) {
  const state = {
    game: "bilinear",
    rule: /** @type {"simultaneous"} */ ("simultaneous"),
    rate: 0.1,
    start: /** @type {[number, number]} */ ([1, 0]),
  };
  const path = () => play(GAMES[state.game].field, state.rule, state.start, state.rate, STEPS);
  const plane = new Plot({
    x: [-2, 2],
    y: [-2, 2],
    square: true,
    xLabel: "x: generator",
    yLabel: "y: discriminator",
    label: "Phase portrait",
  });
  plane.line("quiet", () => arrows(GAMES[state.game].field), { width: 1 });
  plane.line("fake", path, { width: 1.5 });
  plane.marks("fake", path, "dot", 1.8);
  plane.marks("ink", () => [[0, 0]], "cross", 5);
  plane.handle({
    color: "real",
    label: "Where the game begins",
    at: () => state.start,
    move: (to) => {
      state.start = to;
      update();
    },
  });
  const far = new Plot({
    x: [0, STEPS],
    y: [0, 3],
    height: 260,
    xLabel: "step",
    yLabel: "distance from the equilibrium",
    label: "Distance from the equilibrium over the steps",
  });
  far.line("fake", () => path().map((at, i) => [i, radius(at)]));
  far.line(
    "quiet",
    () => [
      [0, radius(state.start)],
      [STEPS, radius(state.start)],
    ],
    { width: 1, dash: "2 4" },
  );
  const update = figure(host, {
    name: "Phase portraits of small games",
    attempt:
      "drop the blue point anywhere. Which rule spirals out, which goes round, which arrives? Then choose a game with a penalty.",
    plots: [plane, far],
    controls: [
      choice(
        "Game",
        Object.fromEntries(Object.entries(GAMES).map(([name, { title }]) => [name, title])),
        state.game,
        (game) => change({ game }),
      ),
      choice(
        "Rule",
        { simultaneous: "simultaneous", alternating: "alternating", extragradient: "extragradient" },
        state.rule,
        (rule) => change({ rule }),
      ),
      slider("Step", { low: 0.02, high: 0.5, step: 0.02, value: 0.1 }, (rate) => change({ rate })),
    ],
    readings: () => {
      const walked = path();
      return {
        "Distance at the start": digits(radius(state.start)),
        [`after ${walked.length - 1} steps`]: digits(radius(walked[walked.length - 1])),
      };
    },
  });

  function change(choices) {
    Object.assign(state, choices);
    update();
  }
}

/** Short strokes along the field, each from its dot; NaN parts them. @returns {[number, number][]} */
function arrows(field) {
  const places = Array.from({ length: ARROWS }, (_, i) => -2 + (4 * (i + 0.5)) / ARROWS);
  return places.flatMap((x) =>
    places.flatMap((y) => {
      const [u, v] = field([x, y]);
      const size = Math.hypot(u, v) || 1;
      const length = 0.22 * Math.tanh(size);
      const [tx, ty] = [x + (length * u) / size, y + (length * v) / size];
      const [bx, by] = [-0.07 * (u / size), -0.07 * (v / size)];
      return /** @type {[number, number][]} */ ([
        [x, y],
        [tx, ty],
        [tx + bx - by / 2, ty + by + bx / 2],
        [tx, ty],
        [tx + bx + by / 2, ty + by - bx / 2],
        [NaN, NaN],
      ]);
    }),
  );
}
