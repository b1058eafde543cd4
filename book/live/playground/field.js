/** The field: the discriminator's surface, real and generated points, the warped grid of the noise, and the pulls. */

import { copied } from "../engine/network.js";
import { channels, colors } from "../kit/theme.js";
import { lattice } from "./lattice.js";

export const VIEW = 3; // the field shows [-VIEW, VIEW]²
const CELLS = 48; // of the surface, in each direction
const PORTION = 8; // frames that one renewal of the surface takes
const ARROWS = 40;
const LONGEST = 0.6; // of an arrow, in units of the field

export class Field {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
    this.surface = new OffscreenCanvas(CELLS, CELLS);
    this.image = new ImageData(CELLS, CELLS);
    this.portion = 0;
    /** @type {import("../engine/network.js").Network | null} the discriminator that the next surface shows */
    this.judge = null;
    /** @type {[number, number] | null} where the keyboard draws */
    this.cursor = null;
    this.scale = 1; // device pixels of one unit of the field
    this.unit = 1; // device pixels of one CSS pixel
    this.colors = colors();
    /** @type {Record<string, OffscreenCanvas>} */
    this.stamps = {};
    /** @type {{xy: Float64Array | null, key: string, layer: OffscreenCanvas | null}} */
    this.still = { xy: null, key: "", layer: null };
  }

  recolor() {
    this.colors = colors();
  }

  /** Match the resolution of the canvas to its size on the page, as long as it has one: on paper it is hidden. */
  resize() {
    const side = Math.round(this.canvas.clientWidth * (window.devicePixelRatio || 1));
    if (!side) return;
    if (this.canvas.width !== side) this.canvas.width = this.canvas.height = side;
    this.scale = this.canvas.width / (2 * VIEW);
    this.unit = this.canvas.width / this.canvas.clientWidth;
  }

  /** @param {number} x @param {number} y @returns {[number, number]} */
  place(x, y) {
    return [(x + VIEW) * this.scale, (VIEW - y) * this.scale];
  }

  /**
   * @param {import("./session.js").Session} session
   * @param {Record<string, boolean>} layers surface, grid, pulls: whether they are shown
   * @param {boolean} whole renew the whole surface now
   */
  draw(session, layers, whole) {
    this.resize();
    const { context, canvas } = this;
    context.fillStyle = this.colors.ground;
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (layers.surface) this.drawSurface(session, whole);
    if (layers.grid) this.drawGrid(session);
    this.drawReal(session.shownReal);
    this.drawPoints(context, session.shown, "fake");
    if (layers.pulls) this.drawPulls(session);
  }

  /** What was drawn by hand so far, while there is no game. @param {[number, number][]} points */
  drawSketch(points) {
    this.resize();
    const { context, canvas } = this;
    context.fillStyle = this.colors.ground;
    context.fillRect(0, 0, canvas.width, canvas.height);
    this.drawPoints(context, points.flat(), "real");
    if (points.length) return;
    context.fillStyle = this.colors.quiet;
    context.font = `${16 * this.unit}px sans-serif`;
    context.textAlign = "center";
    context.fillText("Draw here", canvas.width / 2, canvas.height / 2);
  }

  /** Whether any of the points lies within the field. @param {ArrayLike<number>} xy */
  holds(xy) {
    for (let i = 0; i < xy.length; i += 2) if (Math.abs(xy[i]) < VIEW && Math.abs(xy[i + 1]) < VIEW) return true;
    return false;
  }

  drawCursor() {
    if (!this.cursor) return;
    const [x, y] = this.place(...this.cursor);
    const arm = 9 * this.unit;
    this.context.strokeStyle = this.colors.ink;
    this.context.lineWidth = 2 * this.unit;
    this.context.stroke(new Path2D(`M${x - arm} ${y}h${2 * arm}M${x} ${y - arm}v${2 * arm}`));
  }

  /**
   * From the generator's color (D = 0) over the ground (D = 1/2) to the data's (D = 1). A surface is computed over several
   * frames, of one and the same discriminator, and shown when it is complete.
   */
  drawSurface(session, whole) {
    const rows = whole ? CELLS : CELLS / PORTION;
    const first = whole ? 0 : this.portion * rows;
    this.portion = whole ? 0 : (this.portion + 1) % PORTION;
    const at = new Float64Array(2 * rows * CELLS);
    for (let i = 0; i < rows * CELLS; i++) {
      at[2 * i] = (((i % CELLS) + 0.5) / CELLS) * 2 * VIEW - VIEW;
      at[2 * i + 1] = VIEW - ((first + Math.floor(i / CELLS) + 0.5) / CELLS) * 2 * VIEW;
    }
    if (first === 0) this.judge = copied(session.game.discriminator);
    const logits = session.game.logits(at, /** @type {any} */ (this.judge));
    if (!logits.every(Number.isFinite)) {
      this.portion = 0;
      return; // a discriminator that has overflowed says nothing, so the ground stays plain
    }
    const [fake, ground, real] = ["fake", "ground", "real"].map((name) => channels(this.colors[name]));
    logits.forEach((logit, i) => {
      const lead = Math.tanh(logit / 2); // 2 D - 1, from -1 to 1
      const tone = lead < 0 ? fake : real;
      const share = 0.6 * Math.abs(lead);
      const pixel = 4 * (first * CELLS + i);
      for (let c = 0; c < 3; c++) this.image.data[pixel + c] = ground[c] + share * (tone[c] - ground[c]);
      this.image.data[pixel + 3] = 255;
    });
    const offscreen = /** @type {OffscreenCanvasRenderingContext2D} */ (this.surface.getContext("2d"));
    if (this.portion === 0) offscreen.putImageData(this.image, 0, 0);
    this.context.imageSmoothingEnabled = true;
    this.context.drawImage(this.surface, 0, 0, this.canvas.width, this.canvas.height);
  }

  /** How the generator bends the plane of its noise. */
  drawGrid(session) {
    const { lines, points } = lattice(session.settings.noise);
    const warped = session.game.generate(points);
    const path = new Path2D();
    let at = 0;
    for (const length of lines) {
      for (let i = 0; i < length; i++, at += 2) {
        const [x, y] = this.place(warped[at], warped[at + 1]);
        if (i) path.lineTo(x, y);
        else path.moveTo(x, y);
      }
    }
    this.context.strokeStyle = this.colors.ink;
    this.context.globalAlpha = 0.35;
    this.context.lineWidth = this.unit;
    this.context.stroke(path);
    this.context.globalAlpha = 1;
  }

  /**
   * A mark for every point. It is drawn once, with a rim that sets it off from a surface of its own color, and then
   * copied: hundreds of small paths would take longer than a training step.
   * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context
   * @param {ArrayLike<number>} xy
   * @param {"real" | "fake"} kind circles for data, crosses for generated points
   */
  drawPoints(context, xy, kind) {
    const mark = this.stamp(kind);
    const half = mark.width / 2;
    for (let i = 0; i < xy.length; i += 2) {
      const [x, y] = this.place(xy[i], xy[i + 1]);
      context.drawImage(mark, x - half, y - half);
    }
  }

  /** @param {"real" | "fake"} kind */
  stamp(kind) {
    const key = `${kind} ${this.colors[kind]} ${this.unit}`;
    if (!this.stamps[key]) this.stamps[key] = draughted(kind, this.colors, this.unit);
    return this.stamps[key];
  }

  /** The data do not move, so they are drawn once and copied. @param {Float64Array} xy */
  drawReal(xy) {
    const key = `${this.canvas.width} ${this.colors.real}`;
    if (this.still.xy !== xy || this.still.key !== key) {
      const layer = new OffscreenCanvas(this.canvas.width, this.canvas.height);
      this.drawPoints(/** @type {OffscreenCanvasRenderingContext2D} */ (layer.getContext("2d")), xy, "real");
      this.still = { xy, key, layer };
    }
    if (this.still.layer) this.context.drawImage(this.still.layer, 0, 0);
  }

  /** Arrows where the loss pulls generated points, longer arrows for stronger pulls. */
  drawPulls(session) {
    const at = session.shown.subarray(0, 2 * ARROWS);
    const pulls = session.game.pulls(session.rules, at, session.shownReal.subarray(0, 2 * ARROWS));
    const path = new Path2D();
    for (let i = 0; i < at.length; i += 2) {
      const size = Math.hypot(pulls[i], pulls[i + 1]);
      const length = LONGEST * Math.tanh(size); // long pulls are cut, short ones are true to scale
      if (!(length > 0.02)) continue;
      const [dx, dy] = [pulls[i] / size, pulls[i + 1] / size];
      const [x, y] = this.place(at[i], at[i + 1]);
      const [u, v] = this.place(at[i] + length * dx, at[i + 1] + length * dy);
      const head = Math.min(5 * this.unit, (length * this.scale) / 2);
      path.moveTo(x, y);
      path.lineTo(u, v);
      path.moveTo(u - head * (dx + dy / 2), v + head * (dy - dx / 2));
      path.lineTo(u, v);
      path.lineTo(u - head * (dx - dy / 2), v + head * (dy + dx / 2));
    }
    this.context.strokeStyle = this.colors.ink;
    this.context.lineWidth = 1.5 * this.unit;
    this.context.stroke(path);
  }
}

/** One mark on a canvas of its own. @param {"real" | "fake"} kind @param {Record<string, string>} colors @param {number} unit */
function draughted(kind, colors, unit) {
  const side = Math.ceil(10 * unit);
  const canvas = new OffscreenCanvas(side, side);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const [middle, r] = [side / 2, (kind === "real" ? 2.2 : 2.6) * unit];
  const path = new Path2D();
  if (kind === "real") {
    path.arc(middle, middle, r, 0, 7);
  } else {
    for (const slant of [1, -1]) {
      path.moveTo(middle - r, middle - slant * r);
      path.lineTo(middle + r, middle + slant * r);
    }
  }
  context.lineWidth = (kind === "real" ? 1.2 : 3.6) * unit;
  context.strokeStyle = colors.ground;
  context.stroke(path);
  context.fillStyle = context.strokeStyle = colors[kind];
  context.lineWidth = 1.6 * unit;
  if (kind === "real") context.fill(path);
  else context.stroke(path);
  return canvas;
}
