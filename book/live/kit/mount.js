/**
 * Where the page asks for something that moves. The directive `{live}` leaves an element with the name and the static
 * content, which makes way as soon as the script runs.
 */

import { el } from "./dom.js";

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

/** Hide the static content. References lead to a figure by its name, which the place that stays visible takes over. */
function makeWay(host) {
  for (const child of host.children) {
    child.classList.add("live-still");
    if (!child.id) continue;
    host.id = child.id;
    child.removeAttribute("id");
  }
}

/** Beside the figure of a chapter, a button that shows the one that its text describes. @param {HTMLElement} host */
export function offerStill(host) {
  const still = host.closest(".cell") && host.querySelector(":scope > figure");
  if (!still) return;
  const number = still.querySelector(".caption-number")?.textContent.trim() ?? "the figure";
  const button = el("button", { type: "button", "aria-expanded": "false" });
  const show = (on) => {
    still.classList.toggle("live-still", !on);
    button.setAttribute("aria-expanded", String(on));
    button.textContent = `${on ? "Hide" : "Show"} ${number}, which the text describes`;
  };
  button.addEventListener("click", () => show(still.classList.contains("live-still")));
  show(false);
  host.append(el("p", { class: "live-offer" }, button), still);
}
