/** Chapter 18: kernel, stride and padding decide sizes, overlaps and receptive fields. */

import { figure, slider } from "../kit/figure.js";
import { Plot } from "../kit/plot.js";
import { convolved, overlaps, receptiveField, transposed } from "../mathematics/convolutions.js";

const SIZE = 8; // of the input of the transposed convolution
const WIDEST = 48; // outputs that the plot has room for
const DEPTH = 3;

/** @param {HTMLElement} host */
export function mount(host) {
  const state = { kernel: 3, stride: 2, padding: 0 };
  const counts = () => overlaps(SIZE, state);
  const plot = new Plot({
    x: [0, WIDEST],
    y: [0, 8],
    height: 220,
    xLabel: "output of the transposed convolution",
    yLabel: "inputs that reach it",
    label: "Overlaps of a transposed convolution",
  });
  const bars = () =>
    counts().flatMap(
      (n, i) =>
        /** @type {[number, number][]} */ ([
          [i, 0],
          [i, n],
          [i + 0.9, n],
          [i + 0.9, 0],
        ]),
    );
  plot.line("fake", bars, { area: true });
  plot.line("fake", bars, { width: 1.5 });
  const part = (name, low, high) =>
    slider(name[0].toUpperCase() + name.slice(1), { low, high, step: 1, value: state[name] }, (value) => {
      state[name] = value;
      update();
    });
  const update = figure(host, {
    name: "Convolution arithmetic",
    attempt: "find a kernel that the stride divides: the comb becomes a plateau, and the checkerboard is gone.",
    plots: [plot],
    controls: [part("kernel", 1, 7), part("stride", 1, 4), part("padding", 0, 3)],
    readings: () => {
      const inner = counts().slice(state.kernel, -state.kernel);
      const even = inner.length && Math.min(...inner) === Math.max(...inner);
      const down = convolved(32, state);
      return {
        "Convolution, 32 pixels to": down < 1 ? "nothing: the kernel is wider than the image" : String(down),
        [`Transposed, ${SIZE} pixels to`]: String(Math.max(0, transposed(SIZE, state))),
        "Overlap inside": even
          ? `even: ${inner[0]}`
          : inner.length
            ? `uneven: ${Math.min(...inner)} to ${Math.max(...inner)}`
            : "no inside",
        [`Receptive field of ${DEPTH} such convolutions`]: String(receptiveField(state, DEPTH)),
      };
    },
  });
}
