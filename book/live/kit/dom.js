/** Building blocks of the pages that move. */

/**
 * An element with attributes and children. `on...` attributes are listeners; false and null leave an attribute out.
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null)} children
 * @returns {any} any, because its class follows from the name
 */
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for SVG. @param {string} name @param {Record<string, any>} [attributes] @param {...(Node | string | null)} children @returns {any} */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) set(element, key, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** @param {Element} element @param {string} key @param {any} value */
export function set(element, key, value) {
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (value === false || value === null) element.removeAttribute(key);
  else element.setAttribute(key, value === true ? "" : String(value));
}

let names = 0;

/** A name that no other element has. @param {string} stem */
export function unique(stem) {
  return `live-${stem}-${++names}`;
}

/** A number for people: three decimals, an exponent only where they would not do, no sign at zero. @param {number} x */
export function digits(x, places = 3) {
  if (!Number.isFinite(x)) return "not a number";
  if (x !== 0 && (Math.abs(x) >= 1e4 || Math.abs(x) < 1e-3)) return x.toExponential(1).replace("-", "−");
  return x
    .toFixed(places)
    .replace(/^-(?=[0.]*$)/, "")
    .replace("-", "−");
}
