/** The frame of a live figure: what to try, plots, at most three controls, and what is measured. */

import { el, unique } from "./dom.js";

/**
 * @param {HTMLElement} host
 * @param {{name: string, attempt: string, plots: Drawn[], controls?: Control[], legend?: [string, string][],
 *   readings: () => Record<string, string>}} parts
 *   legend: [color, text]; readings: names and values, asked at every update
 * @returns {() => void} update: draw everything again
 */
export function figure(host, { name, attempt, plots, controls = [], legend = [], readings }) {
  const numbers = el("dl", { class: "live-numbers" });
  const root = el(
    "section",
    { class: "live-figure", "aria-label": name },
    el("p", { class: "live-attempt" }, el("strong", {}, "Try: "), attempt),
    el("p", { class: "pg-legend" }, ...legend.map(([color, text]) => el("span", { class: `live-${color}` }, text))),
    el(
      "div",
      { class: plots.length > 1 && plots.some((plot) => plot.square) ? "live-pair" : "" },
      ...plots.map((plot) => plot.element),
    ),
    el("div", { class: "pg-run" }, ...controls.map((control) => control.element)),
    numbers,
  );
  host.append(root);
  const update = () => {
    for (const plot of plots) plot.draw();
    const pairs = Object.entries(readings());
    numbers.replaceChildren(...pairs.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value))));
  };
  for (const plot of plots) plot.resize();
  update();
  return update;
}

/** @typedef {{element: Element, square: boolean, draw: () => void, resize: () => void}} Drawn a plot, or what takes its place */

/** @typedef {{element: HTMLElement}} Control */

/**
 * @param {string} label @param {{low: number, high: number, step: number, value: number}} range
 * @param {(value: number) => void} changed
 * @returns {Control}
 */
export function slider(label, { low, high, step, value }, changed) {
  const id = unique("slider");
  const output = el("output", { for: id }, String(value));
  const input = el("input", { id, type: "range", min: low, max: high, step, value });
  input.addEventListener("input", () => {
    output.textContent = input.value;
    changed(Number(input.value));
  });
  return { element: el("span", { class: "pg-control" }, el("label", { for: id }, label), input, output) };
}

/**
 * @param {string} label @param {Record<string, string>} options @param {string} value
 * @param {(value: any) => void} changed
 * @returns {Control}
 */
export function choice(label, options, value, changed) {
  const id = unique("choice");
  const entries = Object.entries(options).map(([key, text]) =>
    el("option", { value: key, selected: key === value }, text),
  );
  const input = el("select", { id, onchange: () => changed(input.value) }, ...entries);
  return { element: el("span", { class: "pg-control" }, el("label", { for: id }, label), input) };
}

/** @param {string} label @param {boolean} on @param {(on: boolean) => void} changed @returns {Control} */
export function tick(label, on, changed) {
  const id = unique("tick");
  const input = el("input", { id, type: "checkbox", checked: on, onchange: () => changed(input.checked) });
  return { element: el("span", { class: "pg-control" }, input, el("label", { for: id }, label)) };
}

/** @param {string} text @param {() => void} pressed @returns {Control & {element: HTMLButtonElement}} */
export function button(text, pressed) {
  return { element: el("button", { type: "button", onclick: pressed }, text) };
}
