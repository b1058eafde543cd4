/** The colors of the page, for what is drawn on a canvas: they follow the theme. */

const NAMES = ["real", "fake", "third", "fourth", "ink", "quiet", "line", "ground"];

/** @returns {Record<string, string>} */
export function colors() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--live-${name}`).trim()]));
}

/** Call back whenever the reader changes the theme. @param {() => void} changed */
export function onTheme(changed) {
  new MutationObserver(changed).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}

/** The three channels of a color like #0072b2. @param {string} color @returns {[number, number, number]} */
export function channels(color) {
  const value = Number.parseInt(color.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** Whether the reader asked the system for less motion. */
export function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
