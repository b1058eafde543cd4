/**
 * A plot in SVG whose parts are functions of the figure's state: `draw` asks them again. Points that can be dragged
 * answer to mouse, finger and arrow keys.
 */

import { digits, set, svg, unique } from "./dom.js";

const MARGIN = { left: 46, right: 12, top: 10, bottom: 38 };
const WIDEST = 720;

/** @typedef {[number, number]} Point */

export class Plot {
  /**
   * @param {{x: Point, y: Point, height?: number, square?: boolean, xLabel?: string, yLabel?: string, label: string}} box
   *   the limits of both axes; square: one unit is equally long on both
   */
  constructor({ x, y, height = 220, square = false, xLabel = "", yLabel = "", label }) {
    this.x = x;
    this.y = y;
    this.height = height;
    this.square = square;
    this.labels = [xLabel, yLabel];
    this.width = 400;
    this.axes = svg("g", { class: "live-axes" });
    const inside = unique("inside");
    this.window = svg("rect", {});
    this.body = svg("g", { "clip-path": `url(#${inside})` });
    this.front = svg("g", {});
    this.element = svg(
      "svg",
      { class: "live-plot", role: "group", "aria-label": label },
      svg("clipPath", { id: inside }, this.window),
      this.axes,
      this.body,
      this.front,
    );
    /** @type {(() => void)[]} */
    this.parts = [];
    new ResizeObserver(() => this.resize()).observe(this.element);
  }

  resize() {
    const width = Math.min(WIDEST, this.element.clientWidth);
    if (!width || width === this.width) return;
    this.width = width;
    this.draw();
  }

  /** @param {number} x */
  px(x) {
    return MARGIN.left + ((x - this.x[0]) / (this.x[1] - this.x[0])) * (this.width - MARGIN.left - MARGIN.right);
  }

  /** @param {number} y */
  py(y) {
    return (
      this.tall - MARGIN.bottom - ((y - this.y[0]) / (this.y[1] - this.y[0])) * (this.tall - MARGIN.top - MARGIN.bottom)
    );
  }

  get tall() {
    if (!this.square) return this.height;
    const side = (this.width - MARGIN.left - MARGIN.right) / (this.x[1] - this.x[0]);
    return side * (this.y[1] - this.y[0]) + MARGIN.top + MARGIN.bottom;
  }

  draw() {
    set(this.element, "viewBox", `0 0 ${this.width} ${this.tall}`);
    this.element.style.height = `${this.tall}px`;
    this.axes.replaceChildren(...this.frame());
    const { left, right, top, bottom } = MARGIN;
    const box = { x: left, y: top, width: this.width - left - right, height: this.tall - top - bottom };
    for (const [key, number] of Object.entries(box)) set(this.window, key, number);
    for (const part of this.parts) part();
  }

  frame() {
    const { left, right, top, bottom } = MARGIN;
    const [w, h] = [this.width, this.tall];
    const text = (x, y, anchor, words) => svg("text", { x, y, "text-anchor": anchor }, words);
    const low = (value) => (Math.abs(value) < 1e-9 ? "0" : digits(value, Number.isInteger(value) ? 0 : 1));
    return [
      svg("path", { d: `M${left} ${top}V${h - bottom}H${w - right}` }),
      text(left, h - bottom + 16, "start", low(this.x[0])),
      text(w - right, h - bottom + 16, "end", low(this.x[1])),
      text(left - 6, h - bottom, "end", low(this.y[0])),
      text(left - 6, top + 10, "end", low(this.y[1])),
      text((left + w - right) / 2, h - bottom + 32, "middle", this.labels[0]),
      text(left + 6, top + 10, "start", this.labels[1]),
    ];
  }

  /**
   * A line through the points that `points` gives. Breaks where a value is not finite.
   * @param {string} color a name of the theme: real, fake, third, fourth, ink, quiet
   * @param {() => Point[]} points
   * @param {{dash?: string, area?: boolean, width?: number, layer?: "body" | "front"}} [style]
   */
  line(color, points, { dash = "", area = false, width = 2, layer = "body" } = {}) {
    const style = area
      ? `fill: var(--live-${color}); opacity: 0.2`
      : `stroke: var(--live-${color}); stroke-width: ${width}`;
    const path = svg("path", { class: area ? "live-area" : "live-line", style, "stroke-dasharray": dash });
    this[layer].append(path);
    this.parts.push(() => {
      let pen = false;
      const pieces = points().map(([x, y]) => {
        const drawn = Number.isFinite(x) && Number.isFinite(y);
        const command = !drawn ? "" : `${pen ? "L" : "M"}${this.px(x).toFixed(1)} ${this.clip(this.py(y)).toFixed(1)}`;
        pen = drawn;
        return command;
      });
      set(path, "d", pieces.join("") + (area ? "Z" : ""));
    });
  }

  /** Keep what leaves the plot close to its edge. @param {number} y */
  clip(y) {
    return Math.min(this.tall + 50, Math.max(-50, y));
  }

  /** Small marks. @param {string} color @param {() => Point[]} points @param {"dot" | "cross"} [shape] @param {number} [r] */
  marks(color, points, shape = "dot", r = 3) {
    const style = shape === "dot" ? `fill: var(--live-${color})` : `stroke: var(--live-${color}); stroke-width: 1.6`;
    const path = svg("path", { style, class: "live-marks" });
    this.body.append(path);
    this.parts.push(() => {
      const mark = ([x, y]) => {
        const [u, v] = [this.px(x), this.py(y)];
        return shape === "dot"
          ? `M${u - r} ${v}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`
          : `M${u - r} ${v - r}l${2 * r} ${2 * r}M${u - r} ${v + r}l${2 * r} ${-2 * r}`;
      };
      set(path, "d", points().map(mark).join(""));
    });
  }

  /** Words at a place. @param {string} color @param {() => {at: Point, text: string}[]} words */
  words(color, words) {
    const group = svg("g", { style: `fill: var(--live-${color})`, class: "live-words" });
    this.front.append(group);
    this.parts.push(() =>
      group.replaceChildren(
        ...words().map(({ at, text }) =>
          svg("text", { x: this.px(at[0]), y: this.py(at[1]), "text-anchor": "middle" }, text),
        ),
      ),
    );
  }

  /**
   * A point to drag. Arrow keys move it by a fortieth of the axes.
   * @param {{color: string, label: string, at: () => Point, move: (to: Point) => void, axis?: "x" | "both"}} handle
   */
  handle({ color, label, at, move, axis = "both" }) {
    const knob = svg("circle", { r: 9, class: "live-knob", style: `fill: var(--live-${color})` });
    const reach = svg("circle", { r: 22, class: "live-reach" });
    const group = svg("g", { tabindex: 0, role: "slider", "aria-label": label, class: "live-handle" }, reach, knob);
    this.front.append(group);
    const go = (x, y) => {
      const within = (value, [low, high]) => Math.min(high, Math.max(low, value));
      move([within(x, this.x), axis === "x" ? at()[1] : within(y, this.y)]);
    };
    group.addEventListener("pointerdown", (event) => {
      group.setPointerCapture(event.pointerId);
      event.preventDefault();
      group.focus();
    });
    group.addEventListener("pointermove", (event) => event.buttons && go(...this.under(event)));
    group.addEventListener("keydown", (event) => {
      const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!arrow) return;
      event.preventDefault();
      const [dx, dy] = axis === "x" ? [arrow[0] + arrow[1], 0] : arrow;
      const [x, y] = at();
      go(x + (dx * (this.x[1] - this.x[0])) / 40, y + (dy * (this.y[1] - this.y[0])) / 40);
    });
    this.parts.push(() => {
      const [x, y] = at();
      set(group, "transform", `translate(${this.px(x)} ${this.py(y)})`);
      for (const [key, number] of Object.entries({
        valuemin: this.x[0],
        valuemax: this.x[1],
        valuenow: x.toFixed(2),
      })) {
        set(group, `aria-${key}`, number);
      }
      set(group, "aria-valuetext", axis === "x" ? x.toFixed(2) : `${x.toFixed(2)}, ${y.toFixed(2)}`);
    });
  }

  /** The place on the plot under a pointer. @param {PointerEvent} event @returns {Point} */
  under(event) {
    const box = this.element.getBoundingClientRect();
    const scale = this.width / box.width;
    const [u, v] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    const x = (u - MARGIN.left) / (this.width - MARGIN.left - MARGIN.right);
    const y = (this.tall - MARGIN.bottom - v) / (this.tall - MARGIN.top - MARGIN.bottom);
    return [this.x[0] + x * (this.x[1] - this.x[0]), this.y[0] + y * (this.y[1] - this.y[0])];
  }
}

/** Points of a function, evenly over an interval. @param {(x: number) => number} f @param {Point} limits @param {number} [n] */
export function curve(f, [low, high], n = 160) {
  return Array.from({ length: n + 1 }, (_, i) => {
    const x = low + ((high - low) * i) / n;
    return /** @type {Point} */ ([x, f(x)]);
  });
}
