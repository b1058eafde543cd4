/** The front page: a generator of two bumps plays against the best discriminator of every moment. */

import { digits } from "../kit/dom.js";
import { button, figure } from "../kit/figure.js";
import { curve, Plot } from "../kit/plot.js";
import { calm } from "../kit/theme.js";
import { optimalD } from "../mathematics/densities.js";
import { beginning, DATA, gameValue, generated, step } from "../mathematics/front.js";

const LAST = 1000; // steps
const AXIS = /** @type {[number, number]} */ ([-4.5, 5]);

/** @param {HTMLElement} host */
export function mount(host) {
  const state = { bumps: beginning(), steps: 0, playing: false };
  const plot = new Plot({
    x: AXIS,
    y: [0, 1.05],
    height: 260,
    xLabel: "x",
    label: "Data, generator and optimal discriminator",
  });
  const q = () => generated(state.bumps);
  plot.line("real", () => [[AXIS[0], 0], ...curve((x) => Math.exp(DATA(x)), AXIS), [AXIS[1], 0]], { area: true });
  plot.line("real", () => curve((x) => Math.exp(DATA(x)), AXIS));
  plot.line("fake", () => curve((x) => Math.exp(q()(x)), AXIS), { dash: "8 3" });
  plot.line("ink", () => curve((x) => optimalD(DATA(x), q()(x)), AXIS), { dash: "2 3", width: 1.6 });
  ["left", "right"].forEach((side, k) =>
    plot.handle({
      color: "fake",
      label: `Center of the generator's ${side} bump`,
      axis: "x",
      at: () => [state.bumps.means[k], 0],
      move: ([x]) => {
        state.bumps.means[k] = x;
        state.steps = 0;
        update();
        play(true);
      },
    }),
  );
  const run = button("Pause", () => play(!state.playing));
  const again = button("From the beginning", () => {
    Object.assign(state, { bumps: beginning(), steps: 0 });
    update();
    play(true);
  });
  const update = figure(host, {
    name: "The game",
    attempt:
      "a generator learns the data's two bumps, against the best discriminator of every moment. Drag the orange " +
      "dots, the centers of the generator's bumps, even onto each other; it goes on from there.",
    plots: [plot],
    controls: [run, again],
    legend: [
      ["real", "— data, p"],
      ["fake", "- - generator, q"],
      ["ink", "··· optimal discriminator, D*"],
    ],
    readings: () => ({
      Step: String(state.steps),
      "V(D*, G)": digits(gameValue(state.bumps)),
      "Its least value, −log 4": digits(-Math.log(4)),
    }),
  });

  function play(on) {
    const begins = on && !state.playing;
    state.playing = on;
    run.element.textContent = on ? "Pause" : "Play";
    if (begins) requestAnimationFrame(frame);
  }
  function frame() {
    if (!state.playing) return;
    if (state.steps >= LAST) return play(false);
    const pace = state.steps < 40 ? 1 : 3; // the beginning is the best part
    for (let i = 0; i < pace; i++) state.bumps = step(state.bumps);
    state.steps += pace;
    update();
    requestAnimationFrame(frame);
  }
  play(!calm());
}
