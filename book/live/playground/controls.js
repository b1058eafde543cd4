/** The form of all settings, each with a line that explains it and a place for a complaint. */

import { el, unique } from "../kit/dom.js";
import { HINTS } from "./hints.js";
import { FIELDS, read } from "./settings.js";

const GROUPS = {
  Game: ["data", "loss", "penalty", "weight", "clip", "updates"],
  Optimizer: ["optimizer", "rateG", "rateD", "beta1", "batch"],
  Networks: ["width", "depth", "noise", "seed"],
};
const SLIDERS = ["updates", "width", "depth"];

/**
 * @param {import("./settings.js").Settings} settings
 * @param {(name: string, value: any) => void} changed
 */
export function controls(settings, changed) {
  /** @type {Record<string, {show: (value: any) => void, complain: (complaint: string) => void}>} */
  const inputs = {};
  const make = (name) => {
    const { row, ...input } = control(name, changed);
    inputs[name] = input;
    return row;
  };
  const groups = Object.entries(GROUPS).map(([title, names]) =>
    el("fieldset", {}, el("legend", {}, title), ...names.map(make)),
  );
  const speed = make("speed");
  const show = (all) => Object.entries(inputs).forEach(([name, input]) => input.show(all[name]));
  const forgive = () => Object.values(inputs).forEach((input) => input.complain(""));
  show(settings);
  return { form: el("div", { class: "pg-controls" }, ...groups), speed, show, forgive };
}

function control(name, changed) {
  const field = FIELDS[name];
  const id = unique(name);
  const hint = HINTS[name] ? el("p", { id: `${id}-hint`, class: "pg-hint" }, HINTS[name]) : null;
  const said = el("p", { id: `${id}-said`, class: "pg-complaint", role: "alert" });
  const input = field.kind === "choice" ? choice(field, id) : quantity(name, field, id);
  input.setAttribute("aria-describedby", hint ? `${hint.id} ${said.id}` : said.id);
  const output = SLIDERS.includes(name) ? el("output", { for: id }) : null;
  const show = (value) => {
    input.value = String(value);
    if (output) output.textContent = String(value);
  };
  const complain = (complaint) => {
    said.textContent = complaint;
    if (complaint) said.scrollIntoView({ block: "nearest" });
  };
  if (output) input.addEventListener("input", () => (output.textContent = input.value));
  input.addEventListener("change", () => {
    const { value, complaint } = read(name, input.value);
    show(value);
    complain(complaint ?? "");
    changed(name, value);
  });
  const line = el("div", { class: "pg-control" }, el("label", { for: id }, field.label), input, output);
  return { row: el("div", { class: "pg-knob" }, line, hint, said), show, complain };
}

function choice(field, id) {
  return el("select", { id }, ...Object.entries(field.options).map(([value, text]) => el("option", { value }, text)));
}

function quantity(name, field, id) {
  const type = SLIDERS.includes(name) ? "range" : "number";
  const step = field.kind === "whole" ? 1 : type === "number" ? "any" : 0.01;
  return el("input", { id, type, step, min: field.low, max: field.high, inputmode: "decimal" });
}
