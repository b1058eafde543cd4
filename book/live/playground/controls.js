/** The form of all settings. */

import { el, unique } from "../kit/dom.js";
import { FIELDS, read } from "./settings.js";

const GROUPS = {
  Game: ["data", "loss", "penalty", "weight", "clip", "updates"],
  Optimizer: ["optimizer", "rateG", "rateD", "beta1", "batch"],
  Networks: ["width", "depth", "noise", "seed"],
};
const SLIDERS = ["updates", "width", "depth"];

/**
 * @param {import("./settings.js").Settings} settings
 * @param {(name: string, value: any, complaint: string | null) => void} changed
 */
export function controls(settings, changed) {
  /** @type {Record<string, {show: (value: any) => void}>} */
  const inputs = {};
  const make = (name) => {
    const { row, show } = control(name, changed);
    inputs[name] = { show };
    return row;
  };
  const groups = Object.entries(GROUPS).map(([title, names]) =>
    el("fieldset", {}, el("legend", {}, title), ...names.map(make)),
  );
  const speed = make("speed");
  const show = (all) => Object.entries(inputs).forEach(([name, input]) => input.show(all[name]));
  show(settings);
  return { form: el("div", { class: "pg-controls" }, ...groups), speed, show };
}

function control(name, changed) {
  const field = FIELDS[name];
  const id = unique(name);
  const input = field.kind === "choice" ? choice(field, id) : quantity(name, field, id);
  const output = SLIDERS.includes(name) ? el("output", { for: id }) : null;
  const show = (value) => {
    input.value = String(value);
    if (output) output.textContent = String(value);
  };
  if (output) input.addEventListener("input", () => (output.textContent = input.value));
  input.addEventListener("change", () => {
    const { value, complaint } = read(name, input.value);
    show(value);
    changed(name, value, complaint);
  });
  return { row: el("div", { class: "pg-control" }, el("label", { for: id }, field.label), input, output), show };
}

function choice(field, id) {
  return el("select", { id }, ...Object.entries(field.options).map(([value, text]) => el("option", { value }, text)));
}

function quantity(name, field, id) {
  const type = SLIDERS.includes(name) ? "range" : "number";
  const step = field.kind === "whole" ? 1 : type === "number" ? "any" : 0.01;
  return el("input", { id, type, step, min: field.low, max: field.high, inputmode: "decimal" });
}
