/** The two losses against their ideal values, and below them how much of the data is reached. */

import { digits } from "../kit/dom.js";
import { colors } from "../kit/theme.js";

const MARGIN = { left: 44, right: 8, top: 8, bottom: 22 };

export class Chart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.colors = colors();
  }

  recolor() {
    this.colors = colors();
  }

  /** An empty sheet, as large as the canvas is on the page. */
  clear() {
    const { canvas, context } = this;
    const pixels = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * pixels)) canvas.width = Math.round(width * pixels);
    if (canvas.height !== Math.round(height * pixels)) canvas.height = Math.round(height * pixels);
    context.setTransform(pixels, 0, 0, pixels, 0, 0);
    context.clearRect(0, 0, width, height);
    return { width, height };
  }

  /** @param {import("./session.js").Session} session */
  draw(session) {
    const { context } = this;
    const { width, height } = this.clear();
    context.font = "12px sans-serif";
    const last = session.history.at(-1)?.step ?? 0;
    const right = Math.max(100, last);
    const split = Math.round(height * 0.7);
    this.losses(session, {
      left: MARGIN.left,
      right: width - MARGIN.right,
      top: MARGIN.top,
      bottom: split - 10,
      last: right,
    });
    this.reached(session, {
      left: MARGIN.left,
      right: width - MARGIN.right,
      top: split + 8,
      bottom: height - MARGIN.bottom,
      last: right,
    });
    context.fillStyle = this.colors.quiet;
    context.textAlign = "right";
    context.textBaseline = "alphabetic";
    context.fillText(`step ${right}`, width - MARGIN.right, height - 6);
    context.textAlign = "left";
    context.fillText("0", MARGIN.left, height - 6);
  }

  losses({ history, ideal }, box) {
    const [low, high] = range(history, ideal);
    const y = (value) => box.bottom - ((value - low) / (high - low)) * (box.bottom - box.top);
    const places = Math.min(3, Math.max(1, 1 - Math.floor(Math.log10(high - low)))); // so that the two differ
    this.frame(box, [digits(low, places), digits(high, places)]);
    this.line(history, "discriminator", box, y, this.colors.third, []);
    this.line(history, "generator", box, y, this.colors.fake, [6, 3]);
    this.level(ideal.discriminator, box, y, this.colors.third);
    if (ideal.generator !== null) this.level(ideal.generator, box, y, this.colors.fake);
  }

  reached({ history, data }, box) {
    const most = data.parts.length;
    const y = (value) => box.bottom - (value / most) * (box.bottom - box.top);
    this.frame(box, ["0", String(most)]);
    this.line(history, "modes", box, y, this.colors.ink, []);
  }

  frame(box, [low, high]) {
    const { context } = this;
    context.strokeStyle = this.colors.line;
    context.lineWidth = 1;
    context.strokeRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    context.fillStyle = this.colors.quiet;
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillText(high, box.left - 5, box.top + 5);
    context.fillText(low, box.left - 5, box.bottom - 5);
  }

  line(history, key, box, y, color, dash) {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    context.clip();
    context.strokeStyle = color;
    context.lineWidth = 1.6;
    context.setLineDash(dash);
    context.beginPath();
    for (const entry of history)
      context.lineTo(box.left + (entry.step / box.last) * (box.right - box.left), y(entry[key]));
    context.stroke();
    context.restore();
  }

  /** An ideal value. */
  level(value, box, y, color) {
    const { context } = this;
    context.strokeStyle = color;
    context.lineWidth = 1;
    context.setLineDash([1, 3]);
    context.beginPath();
    context.moveTo(box.left, y(value));
    context.lineTo(box.right, y(value));
    context.stroke();
    context.setLineDash([]);
  }
}

/** Limits that hold the ideal values and most of both losses: a few spikes may leave. */
function range(history, ideal) {
  const values = history.flatMap((entry) => [entry.discriminator, entry.generator]).sort((a, b) => a - b);
  const most = values.slice(Math.floor(values.length * 0.02), Math.ceil(values.length * 0.98));
  const all = [ideal.discriminator, ideal.generator ?? 0, 0, ...most.slice(0, 1), ...most.slice(-1)];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const room = 0.08 * (high - low || 1);
  return [low - room, high + room];
}
