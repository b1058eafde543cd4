/** Drawing data on the field: with mouse or finger, or with the arrow keys and the space bar. */

import { VIEW } from "./field.js";
import { MOST } from "./settings.js";

const GAP = 0.12; // between two points of a stroke
const STRIDE = 0.2; // of an arrow key

/**
 * @param {import("./field.js").Field} field
 * @param {() => boolean} active whether the pointer draws
 * @param {(point: [number, number]) => void} put
 * @param {() => void} moved the cursor has moved
 */
export function sketch(field, active, put, moved) {
  const { canvas } = field;
  /** @type {[number, number] | null} */
  let last = null;

  /** @param {PointerEvent} event @returns {[number, number]} */
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * 2 * VIEW - VIEW;
    const y = VIEW - ((event.clientY - box.top) / box.height) * 2 * VIEW;
    return [within(x), within(y)];
  };
  const stroke = (event) => {
    const at = place(event);
    if (last && Math.hypot(at[0] - last[0], at[1] - last[1]) < GAP) return;
    last = at;
    put(at);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (!active()) return;
    canvas.setPointerCapture(event.pointerId);
    last = null;
    stroke(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (active() && event.buttons) stroke(event);
  });
  canvas.addEventListener("keydown", (event) => {
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!active() || (!arrow && event.key !== " ")) return;
    event.preventDefault();
    const [x, y] = field.cursor ?? [0, 0];
    field.cursor = arrow ? [within(x + STRIDE * arrow[0]), within(y + STRIDE * arrow[1])] : [x, y];
    if (!arrow) put(field.cursor);
    moved();
  });
}

/** @param {number} x */
function within(x) {
  return Math.min(VIEW, Math.max(-VIEW, x));
}

/** Whether one more point fits. @param {[number, number][]} points */
export function full(points) {
  return points.length >= MOST;
}
