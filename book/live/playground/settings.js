/**
 * Everything that can be chosen, and its way into the address of the page and back. What comes from an address was
 * possibly edited by hand: each value is checked, and what does not hold is said and replaced.
 */

import { DATA } from "../engine/data.js";
import { NOISE } from "../engine/draws.js";

/**
 * @typedef {{kind: "choice", label: string, options: Record<string, string>, usual: string}} Choice
 * @typedef {{kind: "number" | "whole", label: string, low: number, high: number, usual: number}} Quantity
 * @typedef {Record<string, any>} Settings one value for each name in FIELDS
 */

const titles = (record) => Object.fromEntries(Object.entries(record).map(([name, { title }]) => [name, title]));
const choice = (label, options, usual) => /** @type {Choice} */ ({ kind: "choice", label, options, usual });
const number = (label, low, high, usual) => /** @type {Quantity} */ ({ kind: "number", label, low, high, usual });
const whole = (label, low, high, usual) => /** @type {Quantity} */ ({ kind: "whole", label, low, high, usual });

/** Steps in a second. @type {Record<string, {title: string, rate: number}>} */
export const SPEEDS = {
  slow: { title: "10 steps a second", rate: 10 },
  steady: { title: "60 steps a second", rate: 60 },
  quick: { title: "240 steps a second", rate: 240 },
  fastest: { title: "as fast as it goes", rate: Infinity },
};

/** @type {Record<string, Choice | Quantity>} */
export const FIELDS = {
  data: choice("Data", { ...titles(DATA), drawing: "Your own drawing" }, "ring"),
  loss: choice(
    "Loss",
    {
      minimax: "saturating (minimax)",
      non_saturating: "non-saturating",
      least_squares: "least squares",
      wasserstein: "Wasserstein",
      hinge: "hinge",
      relativistic: "relativistic",
    },
    "non_saturating",
  ),
  penalty: choice("Penalty", { none: "none", gradient_penalty: "gradient penalty", r1: "R1", r2: "R2" }, "none"),
  weight: number("Penalty's weight", 0, 100, 0.1),
  clip: number("Clip weights at (0: off)", 0, 10, 0),
  updates: whole("Updates of D for one of G", 1, 10, 1),
  optimizer: choice("Optimizer", { adam: "Adam", rmsprop: "RMSprop", sgd: "plain gradient" }, "adam"),
  rateG: number("Learning rate of G", 0, 1, 0.002),
  rateD: number("Learning rate of D", 0, 1, 0.002),
  beta1: number("Adam's β₁", 0, 0.99, 0.5),
  width: whole("Units in a layer", 2, 64, 32),
  depth: whole("Hidden layers", 0, 3, 2),
  noise: choice("Noise", titles(NOISE), "normal"),
  batch: whole("Batch", 4, 256, 64),
  seed: whole("Seed", 0, 999999, 1),
  speed: choice("Speed", titles(SPEEDS), "quick"),
};

/** @returns {Settings} */
export function usual() {
  return Object.fromEntries(Object.entries(FIELDS).map(([name, field]) => [name, field.usual]));
}

/**
 * One value, checked.
 * @param {string} name in FIELDS
 * @param {string} text
 * @returns {{value: any, complaint: string | null}}
 */
export function read(name, text) {
  const field = FIELDS[name];
  if (field.kind === "choice") {
    if (Object.hasOwn(field.options, text)) return { value: text, complaint: null };
    const options = Object.keys(field.options).join(", ");
    return {
      value: field.usual,
      complaint: `${field.label} “${clipped(text)}” is unknown (${options}); ${field.usual} is used.`,
    };
  }
  const given = text.trim() === "" ? NaN : Number(text);
  const rounded = field.kind === "whole" ? Math.round(given) : given;
  const value = Number.isNaN(rounded) ? field.usual : Math.min(field.high, Math.max(field.low, rounded));
  if (value === given) return { value, complaint: null };
  const kind = field.kind === "whole" ? "a whole number" : "a number";
  return {
    value,
    complaint: `${field.label}: ${kind} from ${field.low} to ${field.high} is needed, not “${clipped(text)}”; ${value} is used.`,
  };
}

/** @param {string} text */
function clipped(text) {
  return text.length > 20 ? `${text.slice(0, 20)}…` : text;
}

const SIDE = 3; // a drawing lies within [-3, 3]²
const LEVELS = 36 ** 2; // two characters for a coordinate
export const MOST = 300; // points of a drawing

/** @param {[number, number][]} points */
function packed(points) {
  const level = (x) =>
    Math.round(((x + SIDE) / (2 * SIDE)) * (LEVELS - 1))
      .toString(36)
      .padStart(2, "0");
  return points.map(([x, y]) => level(x) + level(y)).join("");
}

/** @param {string} text @returns {[number, number][] | null} null for text that is no drawing */
function unpacked(text) {
  if (!/^([0-9a-z]{4})*$/.test(text) || text.length > 4 * MOST) return null;
  const place = (at) => (Number.parseInt(text.slice(at, at + 2), 36) / (LEVELS - 1)) * 2 * SIDE - SIDE;
  return Array.from({ length: text.length / 4 }, (_, i) => [place(4 * i), place(4 * i + 2)]);
}

/**
 * The part of the address after the #: only what differs from the usual.
 * @param {Settings} settings
 * @param {[number, number][]} points of the drawing
 */
export function toAddress(settings, points) {
  const changed = Object.entries(FIELDS).filter(([name, field]) => settings[name] !== field.usual);
  const parts = changed.map(([name]) => `${name}=${encodeURIComponent(settings[name])}`);
  if (settings.data === "drawing") parts.push(`points=${packed(points)}`);
  return parts.join("&");
}

/**
 * @param {string} address what follows the #
 * @returns {{settings: Settings, points: [number, number][], complaints: string[]}}
 */
export function fromAddress(address) {
  const settings = usual();
  const complaints = [];
  /** @type {[number, number][]} */
  let points = [];
  for (const [name, text] of new URLSearchParams(address)) {
    if (name === "points") {
      const drawn = unpacked(text);
      if (drawn) points = drawn;
      else complaints.push("The drawing in the address cannot be read; the field is empty.");
    } else if (Object.hasOwn(FIELDS, name)) {
      const { value, complaint } = read(name, text);
      settings[name] = value;
      if (complaint) complaints.push(complaint);
    } else {
      complaints.push(`The address asks for “${clipped(name)}”, which does not exist.`);
    }
  }
  return { settings, points, complaints };
}
