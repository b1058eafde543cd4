/** What the playground looks like: elements and texts, no decisions. */

import { digits, el, unique } from "../kit/dom.js";
import { SCENARIOS } from "./scenarios.js";

const ROWS = {
  step: "Step",
  modes: "Reached",
  quality: "Near the data",
  slope: "Slope of G",
  discriminator: "Loss of D",
  generator: "Loss of G",
  penalty: "Penalty",
  pace: "Pace",
};

export const LAYERS = { surface: "surface of D", grid: "warped grid", pulls: "pulls on G's points" };

/**
 * The elements of the page.
 * @param {HTMLElement} form
 * @param {HTMLElement} speed
 * @param {{show: (name: string) => void, play: () => void, step: () => void, again: () => void, share: () => void,
 *   wipe: () => void, layer: (name: string, on: boolean) => void}} act
 */
export function view(form, speed, act) {
  const field = el("canvas", { class: "pg-field", role: "img" });
  const chart = el("canvas", {
    class: "pg-chart",
    role: "img",
    "aria-label": "Both losses and the modes reached, over the steps",
  });
  const story = el("div", { class: "pg-story", role: "status", hidden: true });
  const play = el("button", { type: "button", class: "pg-main", onclick: act.play }, "Play");
  const wipe = el("button", { type: "button", onclick: act.wipe, hidden: true }, "Clear the drawing");
  const cells = Object.fromEntries(Object.keys(ROWS).map((name) => [name, el("dd")]));
  const root = el(
    "div",
    { class: "playground" },
    shows(act.show),
    story,
    el("div", { class: "pg-run" }, play, button("One step", act.step), button("Start again", act.again), speed),
    el(
      "div",
      { class: "pg-stage" },
      el("div", { class: "pg-left" }, field, legend(), layers(act.layer), wipe),
      el("div", { class: "pg-right" }, chart, key(), numbers(cells)),
    ),
    form,
    el("div", { class: "pg-run" }, button("Copy a link to this game", act.share)),
  );
  return { root, field, chart, story, play, wipe, cells };
}

function button(text, onclick) {
  return el("button", { type: "button", onclick }, text);
}

function shows(show) {
  const buttons = Object.entries(SCENARIOS).map(([name, { title }]) => button(title, () => show(name)));
  return el(
    "div",
    { class: "pg-shows", role: "group", "aria-label": "Show me" },
    el("strong", {}, "Show me"),
    ...buttons,
  );
}

function legend() {
  return el(
    "p",
    { class: "pg-legend" },
    el("span", { class: "live-real" }, "● data; D says real"),
    el("span", { class: "live-fake" }, "✕ generated; D says fake"),
    el("span", {}, "→ pull of the loss"),
  );
}

function key() {
  return el(
    "p",
    { class: "pg-legend" },
    el("span", { class: "live-third" }, "— loss of D"),
    el("span", { class: "live-fake" }, "- - loss of G"),
    el("span", {}, "···· ideal"),
    el("span", {}, "below: modes reached"),
  );
}

function layers(layer) {
  const boxes = Object.entries(LAYERS).map(([name, text]) => {
    const id = unique(name);
    const box = el("input", { id, type: "checkbox", checked: true, onchange: () => layer(name, box.checked) });
    return el("span", {}, box, el("label", { for: id }, text));
  });
  return el("div", { class: "pg-layers", role: "group", "aria-label": "Show on the field" }, ...boxes);
}

function numbers(cells) {
  return el(
    "dl",
    { class: "pg-numbers" },
    ...Object.entries(ROWS).flatMap(([name, text]) => [el("dt", {}, text), cells[name]]),
  );
}

/**
 * The numbers of a session, as text for each cell.
 * @param {import("./session.js").Session} session
 * @returns {Record<string, string>}
 */
export function readings(session) {
  const { numbers: n, ideal, reached, data } = session;
  const loss = (value, best) =>
    (session.steps ? digits(value) : "–") + (best === null ? "" : ` (ideal ${digits(best)})`);
  return {
    step: String(session.steps),
    discriminator: loss(n.discriminator, ideal.discriminator),
    generator: loss(n.generator, ideal.generator),
    penalty: session.settings.penalty === "none" ? "none" : digits(n.penalty),
    slope: session.steps ? digits(n.slope) : "–",
    modes: `${reached.modes} of ${data.parts.length} ${data.kind}`,
    quality: `${Math.round(100 * reached.quality)} %`,
  };
}

/**
 * The text of a scenario, with its remedy and its chapter.
 * @param {import("./scenarios.js").Scenario} scenario
 * @param {Record<string, {url: string, title: string}>} chapters that are written
 * @param {() => void} cure
 */
export function told(scenario, chapters, cure) {
  const chapter = chapters[scenario.chapter];
  const number = Number(scenario.chapter);
  const proof = chapter
    ? el("a", { href: chapter.url }, `Chapter ${number} proves it: ${chapter.title}`)
    : `Chapter ${number} (in preparation): ${scenario.proof}.`;
  const remedy = scenario.cure && button(`Cure it: ${scenario.cure.say}`, cure);
  return el("div", {}, el("p", {}, scenario.see), el("p", { class: "pg-run" }, remedy, proof));
}
