/** Chapter 27: a plane through the noise of a generator of digits, and the straight and the round way between two ends. */

import { Random } from "../engine/random.js";
import { digits, el, svg } from "../kit/dom.js";
import { button, figure } from "../kit/figure.js";
import { Images } from "../kit/images.js";
import { curve, Plot } from "../kit/plot.js";
import { generate, generator } from "../mathematics/generator.js";
import { blend, dot, frame, lerp, norm, slerp } from "../mathematics/latent.js";

/** @typedef {[number, number]} Point */

const FIRST = 12; // seed of a plane whose ends are two different digits
const STOPS = Array.from({ length: 9 }, (_, i) => i / 8); // of the images on each way
const SIDE = 13; // images of the map, in each direction
const STEPS = Array.from({ length: 41 }, (_, i) => i / 40);

/**
 * @param {HTMLElement} host
 * @param {any} stored the weights that come with the page
 */
export function mount(host, stored) {
  let state = begin(generator(stored), FIRST);
  const reach = () => 1.6 * Math.sqrt(state.net.noise);
  const plane = new Plot({
    x: [-reach(), reach()],
    y: [-reach(), reach()],
    square: true,
    xLabel: "a plane through the noise",
    label: "A plane through the noise, with what the generator makes of it",
  });
  const map = svg("image", { class: "live-map", preserveAspectRatio: "none" });
  plane.body.append(map);
  plane.parts.push(() => {
    const [left, top] = [plane.px(-reach()), plane.py(reach())];
    const size = { x: left, y: top, width: plane.px(reach()) - left, height: plane.py(-reach()) - top };
    for (const [key, value] of Object.entries({ ...size, href: state.map })) map.setAttribute(key, String(value));
  });
  plane.line("quiet", () => circle(Math.sqrt(state.net.noise)), { dash: "2 4" });
  plane.line("real", () => way("straight", STEPS), { width: 2.5 });
  plane.line("fake", () => way("round", STEPS), { dash: "8 3", width: 2.5 });
  for (const [name, color, label] of [
    ["a", "third", "First end"],
    ["b", "third", "Second end"],
    ["walker", "ink", "Walker"],
  ])
    plane.handle({ color, label, at: () => state[name], move: (to) => change({ [name]: to }) });

  const lengths = new Plot({
    x: [0, 1],
    y: [0, 1.6],
    height: 240,
    xLabel: "t",
    yLabel: "length of the noise, √d = 1",
    label: "Length of the noise on both ways",
  });
  const long = (of) =>
    way(of, STEPS).map((at, i) => /** @type {Point} */ ([STEPS[i], Math.hypot(...at) / Math.sqrt(state.net.noise)]));
  lengths.line("quiet", () => curve(() => 1, [0, 1], 1), { dash: "2 4" });
  lengths.line("real", () => long("straight"), { width: 2.5 });
  lengths.line("fake", () => long("round"), { dash: "8 3", width: 2.5 });

  const shown = new Images({
    "under the walker": () => [image(state.walker)],
    "straight, lerp": () => way("straight", STOPS).map(image),
    "round, slerp": () => way("round", STOPS).map(image),
  });
  const said = el("p", { role: "status" });
  const update = figure(host, {
    name: "A plane through the noise",
    attempt:
      "drag the walker to the middle of the map, where the noise of the training never was. What becomes of the digit? " +
      "Then drag an end to the other side, so that the straight way leads through that middle.",
    plots: [plane, lengths, shown],
    controls: [button("Another plane", () => again(state.net, state.seed + 1)), upload()],
    legend: [
      ["real", "— straight, lerp"],
      ["fake", "- - round, slerp"],
      ["quiet", "··· √d, where noise lives"],
      ["ink", "● walker"],
      ["third", "● ends"],
    ],
    readings: () => {
      const middle = (of) => way(of, [0.5]).map((at) => digits(Math.hypot(...at), 2))[0] ?? "there is no such way";
      return {
        Generator: `${state.net.name}, d = ${state.net.noise}`,
        "√d": digits(Math.sqrt(state.net.noise), 2),
        "Length halfway, straight": middle("straight"),
        round: middle("round"),
        "of the walker": digits(Math.hypot(...state.walker), 2),
      };
    },
  });
  host.querySelector(".live-figure")?.append(said);

  /** Places on a way; none where no round way is the shortest. @param {"straight" | "round"} of @param {number[]} ts */
  function way(of, ts) {
    const walk = of === "straight" ? lerp : slerp;
    return ts.flatMap((t) => {
      const at = walk(state.a, state.b, t);
      return at ? [/** @type {Point} */ (at)] : [];
    });
  }
  /** @param {Point} at */
  function image([x, y]) {
    return { pixels: generate(state.net, blend(x, state.axes[0], y, state.axes[1])), size: state.net.image };
  }
  function again(net, seed) {
    state = begin(net, seed);
    plane.x = plane.y = [-reach(), reach()];
    update();
  }
  function change(changes) {
    state = { ...state, ...changes };
    update();
  }

  /** A reader's own generator, from a file. */
  function upload() {
    const input = el("input", { type: "file", accept: ".json", "aria-label": "Your own generator, a JSON file" });
    input.addEventListener("change", async () => {
      try {
        again(generator(JSON.parse(await input.files[0].text())), FIRST);
        said.textContent = "This is your generator.";
      } catch (error) {
        const { name, message } = /** @type {Error} */ (error);
        const why = name === "SyntaxError" ? "This is no generator for a page: it is not JSON." : message;
        said.textContent = `${why} The generator is still ${state.net.name}.`;
      }
    });
    return { element: el("label", { class: "pg-control" }, "Your own generator", input) };
  }
}

/** Two samples of noise and the plane through them. @param {import("../mathematics/generator.js").Generator} net @param {number} seed */
function begin(net, seed) {
  const random = new Random(seed);
  const [one, two] = [0, 1].map(() => Array.from({ length: net.noise }, () => random.normal()));
  const axes = frame(one, two);
  const a = /** @type {Point} */ ([norm(one), 0]);
  const b = /** @type {Point} */ (axes.map((axis) => dot(axis, two)));
  return { net, seed, axes, a, b, walker: /** @type {Point} */ ([-b[0], -b[1]]), map: chart(net, axes) };
}

/** What the generator makes of a lattice of the plane, as the address of one picture. */
function chart(net, axes) {
  const reach = 1.6 * Math.sqrt(net.noise);
  const at = (i) => reach * ((2 * i + 1) / SIDE - 1);
  const rows = Array.from({ length: SIDE }, (_, row) =>
    Array.from({ length: SIDE }, (_, column) => ({
      pixels: generate(net, blend(at(column), axes[0], -at(row), axes[1])),
      size: net.image,
    })),
  );
  return Images.sheet(rows).toDataURL();
}

/** @param {number} radius @returns {Point[]} */
function circle(radius) {
  return curve((turn) => turn, [0, 2 * Math.PI]).map(([turn]) => [radius * Math.cos(turn), radius * Math.sin(turn)]);
}
