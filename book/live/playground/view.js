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

export const SHARE = "Copy a link to this game";

export const LAYERS = { surface: "what D says", grid: "grid of the noise", pulls: "arrows" };

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
    "aria-label": "Both losses and how much of the data is reached, over the steps",
  });
  const shows = scenarios(act.show);
  const story = el("div", { class: "pg-story", role: "status" });
  const since = "You have changed settings since, so it may go otherwise.";
  const changed = el("p", { class: "pg-hint", hidden: true }, since);
  const note = el("div", { class: "pg-note", role: "status" });
  const shared = el("p", { class: "pg-hint pg-shared", role: "status" });
  const play = el("button", { type: "button", class: "pg-main", onclick: act.play }, "Play");
  const wipe = el("button", { type: "button", onclick: act.wipe, hidden: true }, "Clear the drawing");
  const share = button(SHARE, act.share);
  const cells = Object.fromEntries(Object.keys(ROWS).map((name) => [name, el("dd")]));
  const single = button("One step", act.step);
  const run = el("div", { class: "pg-run" }, play, single, button("Start again", act.again), speed);
  const stage = el(
    "div",
    { class: "pg-stage" },
    el("div", { class: "pg-left" }, field, run, note, wipe, legend(), layers(act.layer)),
    el("div", { class: "pg-right" }, story, changed, numbers(cells), chart, key(), form, share, shared),
  );
  const root = el("div", { class: "playground" }, shows.row, stage);
  return { root, shows: shows.buttons, field, chart, story, changed, note, play, wipe, share, shared, cells };
}

/** @param {string} text @param {() => void} onclick */
export function button(text, onclick) {
  return el("button", { type: "button", onclick }, text);
}

function scenarios(show) {
  const buttons = Object.fromEntries(
    Object.entries(SCENARIOS).map(([name, { title }]) => [name, button(title, () => show(name))]),
  );
  const named = (ill) => Object.keys(buttons).filter((name) => Boolean(SCENARIOS[name].cure) === ill);
  const row = el(
    "div",
    { class: "pg-shows", role: "group", "aria-label": "Show me" },
    el("strong", {}, "Show me"),
    ...named(true).map((name) => buttons[name]),
    el("span", {}, "and, to compare,"),
    ...named(false).map((name) => buttons[name]),
  );
  return { row, buttons };
}

function legend() {
  const swatch = (kind, text) => el("span", {}, el("span", { class: `pg-swatch pg-${kind}` }), text);
  return el(
    "p",
    { class: "pg-legend" },
    el("span", { class: "live-real" }, "● data"),
    el("span", { class: "live-fake" }, "✕ generated"),
    el("span", {}, "→ where G is told to move"),
    swatch("real", "D says real"),
    swatch("fake", "D says fake"),
    swatch("ground", "D cannot tell"),
  );
}

function key() {
  return el(
    "p",
    { class: "pg-legend" },
    el("span", { class: "live-third" }, "— loss of D"),
    el("span", { class: "live-fake" }, "- - loss of G"),
    el("span", {}, "···· a draw"),
    el("span", {}, "Each player wants its own loss low; in a draw D can only guess. The strip below: reached."),
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
 * @param {import("./session.js").Session | null} session
 * @returns {Record<string, string>}
 */
export function readings(session) {
  if (!session) return Object.fromEntries(Object.keys(ROWS).map((name) => [name, "–"]));
  const { numbers: n, ideal, reached, data } = session;
  const loss = (value, draw) =>
    (session.steps ? digits(value) : "–") + (draw === null ? "" : ` (a draw: ${digits(draw)})`);
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
