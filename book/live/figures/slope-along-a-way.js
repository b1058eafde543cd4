/** Chapter 15: the slope of an optimal critic on a way between a generated and a real point, which the penalty visits. */

import { digits } from "../kit/dom.js";
import { choice, figure } from "../kit/figure.js";
import { Plot } from "../kit/plot.js";
import { along, between, highest, lowest, scores } from "../mathematics/critic.js";

/** @typedef {[number, number]} Point */

const STOPS = Array.from({ length: 200 }, (_, i) => (i + 0.5) / 200);
const ARROWS = 25; // stops from one arrow to the next

/** @param {HTMLElement} host */
export function mount(host) {
  const state = {
    real: /** @type {Point[]} */ ([
      [-1, 1],
      [0.8, -1],
      [1.2, 0.7],
    ]),
    fake: /** @type {Point[]} */ ([
      [-3.2, 0.3],
      [3.2, 1],
      [2.8, -1],
    ]),
    critic: "halfway",
    ends: "strangers",
  };
  const walk = () => {
    const { u, v, plan, w1 } = scores(state.real, state.fake);
    const [high, low] = [highest(state.fake, v), lowest(state.real, u)];
    const critic = { highest: high, lowest: low, halfway: between(high, low) }[state.critic];
    const partner = plan.indexOf(0);
    const x = state.real[state.ends === "partners" ? partner : (partner + 1) % state.real.length];
    return { plan, w1, x, y: state.fake[0], ...along(critic, x, state.fake[0], STOPS) };
  };
  let now = walk();
  const plane = new Plot({
    x: [-4, 4],
    y: [-2, 2],
    square: true,
    label: "Real and generated points, the cheapest plan, and one way",
  });
  plane.line("ink", () => now.plan.flatMap((to, from) => [state.real[from], state.fake[to], [NaN, NaN]]), {
    width: 1.2,
  });
  plane.line("third", () => [now.y, now.x], { dash: "6 4", width: 2.5 });
  plane.line("ink", () => now.rows.filter((_, i) => i % ARROWS === 12).flatMap(arrow), { width: 1.5 });
  for (const [side, color, name] of [
    ["real", "real", "Real"],
    ["fake", "fake", "Generated"],
  ]) {
    state[side].forEach((_, i) =>
      plane.handle({
        color,
        label: `${name} point ${i + 1}`,
        at: () => state[side][i],
        move: (to) => change(() => (state[side][i] = to)),
      }),
    );
  }
  const slope = new Plot({
    x: [0, 1],
    y: [-1.1, 1.5],
    height: 260,
    xLabel: "t: generated 0 → 1 real",
    yLabel: "slope",
    label: "Slope of the critic along the way",
  });
  const level = (height) => () => /** @type {Point[]} */ ([0, 1].map((t) => [t, height()]));
  slope.line("quiet", level(() => 1), { width: 1, dash: "2 4" });
  slope.line("ink", level(() => now.climb / now.length), { width: 1.2, dash: "8 3 2 3" });
  slope.line("fourth", () => now.rows.map(({ t, part }) => [t, part]), { dash: "6 3" });
  slope.line("third", () => now.rows.map(({ t, norm }) => [t, norm]));
  const update = figure(host, {
    name: "The slope of a critic on a way",
    attempt:
      "compare strangers with partners, for each critic. Between partners the slope is 1 whatever you drag; between strangers some optimal critics pay.",
    plots: [plane, slope],
    controls: [
      choice("Way between", { strangers: "strangers", partners: "partners" }, state.ends, (ends) =>
        change(() => (state.ends = ends)),
      ),
      choice(
        "Optimal critic",
        { halfway: "halfway", highest: "the highest", lowest: "the lowest" },
        state.critic,
        (critic) => change(() => (state.critic = critic)),
      ),
    ],
    legend: [
      ["ink", "— plan"],
      ["third", "- - way; — norm of the slope on it"],
      ["fourth", "- - its part along the way"],
      ["ink", "-·- mean slope"],
    ],
    readings: () => ({
      "Climb / way": `${digits(now.climb, 2)} / ${digits(now.length, 2)} = ${digits(now.climb / now.length)}`,
      "Charge on this way, mean of (norm − 1)²": digits(now.charge),
      "W₁": digits(now.w1),
    }),
  });

  function change(set) {
    set();
    now = walk();
    update();
  }
}

/** A stroke along the slope at a place, with a head. @returns {Point[]} */
function arrow({ at: [x, y], slope: [u, v] }) {
  const [tx, ty] = [x + 0.4 * u, y + 0.4 * v];
  const [bx, by] = [-0.12 * u, -0.12 * v];
  return [
    [x, y],
    [tx, ty],
    [tx + bx - by / 2, ty + by + bx / 2],
    [tx, ty],
    [tx + bx + by / 2, ty + by - bx / 2],
    [NaN, NaN],
  ];
}
