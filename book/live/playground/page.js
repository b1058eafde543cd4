/** The playground: it plays a session, shows it, and does what its reader asks. */

import { FEWEST } from "../engine/data.js";
import { el } from "../kit/dom.js";
import { calm, onTheme } from "../kit/theme.js";
import { Chart } from "./chart.js";
import { controls } from "./controls.js";
import { Field } from "./field.js";
import { Pace } from "./pace.js";
import { SCENARIOS } from "./scenarios.js";
import { Session, STRUCTURE } from "./session.js";
import { fromAddress, SPEEDS, toAddress, usual } from "./settings.js";
import { full, sketch } from "./sketch.js";
import { LAYERS, readings, told, view } from "./view.js";

const LOOKS = 6; // frames between two counts of the modes reached

export class Playground {
  /** @param {HTMLElement} host @param {Record<string, {url: string, title: string}>} chapters that are written */
  constructor(host, chapters) {
    this.chapters = chapters;
    this.layers = Object.fromEntries(Object.keys(LAYERS).map((name) => [name, true]));
    this.pace = new Pace();
    this.playing = false;
    const { settings, points, complaints } = fromAddress(location.hash.slice(1));
    this.settings = settings;
    this.points = points;
    this.controls = controls(settings, (name, value, complaint) => this.choose({ [name]: value }, complaint));
    this.view = view(this.controls.form, this.controls.speed, {
      show: (name) => this.show(name),
      play: () => this.play(!this.playing),
      step: () => this.single(),
      again: () => this.start(),
      share: () => this.share(),
      wipe: () => this.wipe(),
      layer: (name, on) => this.layer(name, on),
    });
    host.append(this.view.root); // before anything is drawn: a canvas needs its size
    this.field = new Field(this.view.field);
    this.chart = new Chart(this.view.chart);
    this.listen();
    this.start();
    if (complaints.length) this.say(complaints.join(" "));
    if (this.session && !calm()) this.play(true);
  }

  listen() {
    sketch(
      this.field,
      () => this.settings.data === "drawing",
      (point) => this.put(point),
      () => this.draw(),
    );
    onTheme(() => {
      this.field.recolor();
      this.chart.recolor();
      this.draw();
    });
    new ResizeObserver(() => this.draw()).observe(this.view.root);
    addEventListener("hashchange", () => {
      const { settings, points, complaints } = fromAddress(location.hash.slice(1));
      Object.assign(this, { settings, points });
      this.start();
      this.say(complaints.join(" "));
    });
  }

  /** New networks, from the seed. */
  start() {
    const drawn = this.settings.data === "drawing";
    this.session = drawn && this.points.length < FEWEST ? null : new Session(this.settings, this.points);
    this.view.wipe.hidden = !drawn;
    this.view.field.tabIndex = drawn ? 0 : -1;
    this.view.field.classList.toggle("pg-drawing", drawn);
    this.controls.show(this.settings);
    if (!this.session) {
      this.play(false);
      this.say(
        "Draw your data on the field: with mouse or finger, or with the arrow keys and the space bar. Then press Play.",
      );
    }
    this.draw();
  }

  /** Other settings. @param {Record<string, any>} changes @param {string | null} [complaint] */
  choose(changes, complaint = null) {
    this.settings = { ...this.settings, ...changes };
    this.remember();
    this.say(complaint ?? "");
    if (!this.session || this.session.over || Object.keys(changes).some((name) => STRUCTURE.includes(name)))
      this.start();
    else this.session.change(this.settings);
    this.controls.show(this.settings);
    this.draw();
  }

  /** @param {string} name a scenario */
  show(name) {
    const scenario = SCENARIOS[name];
    this.settings = { ...usual(), ...scenario.settings };
    this.remember();
    this.start();
    const cure = () => {
      this.choose(/** @type {any} */ (scenario.cure).settings);
      this.say(`Cured with ${scenario.cure?.say}. The networks are the same; watch them recover.`);
      this.play(true);
    };
    this.say(told(scenario, this.chapters, cure));
    this.play(true);
  }

  /** @param {boolean} on */
  play(on) {
    if (on && (!this.session || this.session.over)) this.start();
    const begins = on && this.session && !this.playing;
    this.playing = on && this.session !== null;
    this.view.play.textContent = this.playing ? "Pause" : "Play";
    this.pace.rest();
    if (begins) requestAnimationFrame((now) => this.frame(now));
    else this.draw();
  }

  /** One step, and then rest. */
  single() {
    this.play(false);
    if (!this.session) this.start();
    this.session?.step();
    this.settle();
    this.draw();
  }

  /** @param {number} now */
  frame(now) {
    const { session } = this;
    if (!this.playing || !session) return;
    this.pace.steps(now, SPEEDS[this.settings.speed].rate, () => {
      session.step();
      return !session.over;
    });
    this.settle();
    if (this.playing) {
      this.field.draw(session, this.layers, false);
      if (this.pace.frames % LOOKS === 0) this.report();
      requestAnimationFrame((then) => this.frame(then));
    }
  }

  /** After steps: look at the points, and stop where no further step makes sense. */
  settle() {
    const { session } = this;
    if (!session) return;
    session.look();
    if (session.over) {
      this.play(false);
      this.say(session.over);
    }
  }

  draw() {
    if (this.session) {
      this.field.draw(this.session, this.layers, true);
      this.report();
    } else {
      this.field.drawSketch(this.points);
    }
    if (this.settings.data === "drawing") this.field.drawCursor();
  }

  /** Chart and numbers. */
  report() {
    const { session } = this;
    if (!session) return;
    this.chart.draw(session);
    /** @type {Record<string, string>} */
    const texts = { ...readings(session), pace: this.playing ? this.pace.text : "resting" };
    for (const [name, text] of Object.entries(texts)) this.view.cells[name].textContent = text;
    this.view.field.setAttribute("aria-label", `Step ${texts.step}: the generated points reach ${texts.modes}.`);
  }

  /** @param {string | HTMLElement} what */
  say(what) {
    this.view.story.replaceChildren(typeof what === "string" ? el("p", {}, what) : what);
    this.view.story.hidden = what === "";
  }

  remember() {
    try {
      history.replaceState(null, "", `#${toAddress(this.settings, this.points)}`);
    } catch {
      // A page in a sandbox may not change its address; the button that copies a link still works.
    }
  }

  async share() {
    const link = `${location.href.split("#")[0]}#${toAddress(this.settings, this.points)}`;
    try {
      await navigator.clipboard.writeText(link);
      this.say("The link is in your clipboard. It holds every setting and the seed, so it plays the same game.");
    } catch {
      this.say(`The link to this game: ${link}`);
    }
  }

  /** @param {string} name @param {boolean} on */
  layer(name, on) {
    this.layers[name] = on;
    this.draw();
  }

  /** A point of the drawing. @param {[number, number]} point */
  put(point) {
    if (full(this.points)) return this.say(`A drawing holds ${this.points.length} points; clear it to draw another.`);
    this.points = [...this.points, point];
    this.remember();
    this.session?.redraw(this.points);
    this.draw();
  }

  wipe() {
    this.points = [];
    this.field.cursor = null;
    this.remember();
    this.start();
  }
}
