/**
 * Where the page asks for something that moves. The directive `{live}` leaves an element with the name and the static
 * content, which makes way as soon as the script runs.
 */

/**
 * @param {string[]} names
 * @returns {{name: string, host: HTMLElement, chapters: Record<string, {url: string, title: string}>}[]}
 */
export function places(names) {
  const found = [...document.querySelectorAll("div.live[data-live]")].map((element) => {
    const host = /** @type {HTMLElement} */ (element);
    return { host, name: host.dataset.live ?? "", chapters: JSON.parse(host.dataset.chapters ?? "{}") };
  });
  const mine = found.filter(({ name }) => names.includes(name));
  for (const { host } of mine) makeWay(host);
  return mine;
}

/** Hide the static content of an element, and the figure elsewhere on the page whose place it takes. */
function makeWay(host) {
  for (const child of host.children) child.classList.add("live-still");
  const other = host.dataset.for ? document.getElementById(host.dataset.for) : null;
  if (!other) return;
  other.before(host);
  other.classList.add("live-still");
}
