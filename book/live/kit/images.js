/** Small generated images, magnified in rows. */

import { el } from "./dom.js";

/** @typedef {{pixels: ArrayLike<number>, size: [number, number, number]}} Picture pixels in [-1, 1]; size: channels, height, width */

const LARGE = 44; // CSS pixels of an image, on a wide page

/** In a figure it stands where a plot may stand. */
export class Images {
  /** @param {Record<string, () => Picture[]>} rows by what is written before them */
  constructor(rows) {
    this.square = false;
    this.rows = Object.entries(rows).map(([name, pictures]) => {
      const canvas = el("canvas", { role: "img", "aria-label": `Images: ${name}` });
      return { canvas, pictures, element: el("div", { class: "live-row" }, el("span", {}, name), canvas) };
    });
    this.element = el("div", { class: "live-images" }, ...this.rows.map(({ element }) => element));
  }

  resize() {}

  draw() {
    for (const { canvas, pictures } of this.rows) {
      const now = pictures();
      const sheet = Images.sheet([now]);
      [canvas.width, canvas.height] = [sheet.width, sheet.height];
      canvas.style.maxWidth = `${now.length * LARGE}px`;
      if (now.length) canvas.getContext("2d").drawImage(sheet, 0, 0);
    }
  }

  /** Pictures of one size in rows, a pixel apart. @param {Picture[][]} rows */
  static sheet(rows) {
    const canvas = /** @type {HTMLCanvasElement} */ (el("canvas"));
    const [, height, width] = rows[0][0]?.size ?? [1, 0, 0];
    [canvas.width, canvas.height] = [rows[0].length * (width + 1), rows.length * (height + 1)];
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    rows.forEach((row, i) =>
      row.forEach((picture, j) => context.putImageData(bytes(picture), j * (width + 1), i * (height + 1))),
    );
    return canvas;
  }
}

/** Ink on paper where there is one channel, as handwriting is; colors as they are. @param {Picture} picture */
function bytes({ pixels, size: [channels, height, width] }) {
  const image = new ImageData(width, height);
  const area = height * width;
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) {
      const value = (pixels[channels === 1 ? i : c * area + i] + 1) / 2;
      image.data[4 * i + c] = 255 * (channels === 1 ? 1 - value : value);
    }
    image.data[4 * i + 3] = 255;
  }
  return image;
}
