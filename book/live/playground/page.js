/** The playground: it plays a session, shows it, and does what its reader asks. */

import { FEWEST } from "../engine/data.js";
import { el } from "../kit/dom.js";
import { calm, onTheme } from "../kit/theme.js";
import { Chart } from "./chart.js";
import { controls } from "./controls.js";
import { Field } from "./field.js";
import { Pace } from "./pace.js";
import { SCENARIOS, scenarioOf, TOGETHER } from "./scenarios.js";
import { Session, STRUCTURE } from "./session.js";
import { fromAddress, SPEEDS, toAddress, usual } from "./settings.js";
import { full, sketch } from "./sketch.js";
import { button, LAYERS, readings, SHARE, told, view } from "./view.js";

const LOOKS = 6; // frames between two counts of the modes reached
const COPIED = 3000; // milliseconds for which the button says so
const DRAW =
  "Draw your data on the empty square: with mouse or finger, or with the arrow keys and the space bar. " +
  "Then press Play.";
const EMPTY = `Nothing to learn yet: draw at least ${FEWEST} points on the empty square, then press Play.`;

export class Playground {
  /** @param {HTMLElement} host @param {Record<string, {url: string, title: string}>} chapters that are written */
  constructor(host, chapters) {
    this.chapters = chapters;
    this.layers = Object.fromEntries(Object.keys(LAYERS).map((name) => [name, true]));
    this.pace = new Pace();
    this.playing = false;
    this.lost = false; // whether all generated points are off the field
    this.settings = usual();
    /** @type {[number, number][]} */
    this.points = [];
    /** @type {Session | null} none while too little is drawn */
    this.session = null;
    /** @type {string | null} whose text is told */
    this.scenario = null;
    this.controls = controls(this.settings, (name, value) => this.choose({ [name]: value }));
    this.view = view(this.controls.form, this.controls.speed, {
      show: (name) => this.show(name),
      play: () => this.play(!this.playing),
      step: () => this.single(),
      again: () => this.again(),
      share: () => this.share(),
      wipe: () => this.wipe(),
      layer: (name, on) => this.layer(name, on),
    });
    host.append(this.view.root); // before anything is drawn: a canvas needs its size
    this.field = new Field(this.view.field);
    this.chart = new Chart(this.view.chart);
    this.listen();
    this.open();
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
    addEventListener("hashchange", () => this.open());
  }

  /** The game of the address. */
  open() {
    const { settings, points, complaints } = fromAddress(location.hash.slice(1));
    Object.assign(this, { settings, points });
    this.controls.forgive();
    this.tell(scenarioOf(settings));
    this.again();
    if (complaints.length) this.say(complaints.join(" "));
  }

  /** The game from its seed, and no word of the one before. */
  again() {
    this.say();
    this.start();
  }

  /** New networks, from the seed. */
  start() {
    const drawn = this.settings.data === "drawing";
    this.session = drawn && this.points.length < FEWEST ? null : new Session(this.settings, this.points);
    this.lost = false;
    this.view.wipe.hidden = !drawn;
    this.view.field.tabIndex = drawn ? 0 : -1;
    this.view.field.classList.toggle("pg-drawing", drawn);
    this.controls.show(this.settings);
    if (!this.session) {
      this.play(false);
      this.say(DRAW);
    }
    this.draw();
  }

  /** Other settings. @param {Record<string, any>} changes */
  choose(changes) {
    this.settings = { ...this.settings, ...changes };
    this.remember();
    this.say();
    this.view.changed.hidden = this.scenario === null || scenarioOf(this.settings) === this.scenario;
    if (!this.session || this.session.over || Object.keys(changes).some((name) => STRUCTURE.includes(name)))
      this.start();
    else this.session.change(this.settings);
    this.controls.show(this.settings);
    this.draw();
    if (changes.data === "drawing") this.invite();
  }

  /** To the square on which one draws; and to better settings, where those of a failure are left. */
  invite() {
    this.view.field.scrollIntoView({ block: "nearest" });
    const words = this.session ? [] : [el("p", {}, DRAW)];
    const { title, cure, settings } = SCENARIOS[this.scenario ?? "good"];
    if (cure && scenarioOf({ ...this.settings, data: settings.data ?? usual().data }) === this.scenario) {
      const better = button("Take those of a good game", () => {
        this.settings = { ...usual(), ...TOGETHER, data: "drawing" };
        this.remember();
        this.tell(null);
        this.again();
      });
      words.push(el("p", { class: "pg-run" }, `The other settings are still those of ${title}.`, better));
    }
    this.answer(...words);
  }

  /** @param {string} name a scenario */
  show(name) {
    this.settings = { ...usual(), ...SCENARIOS[name].settings };
    this.controls.forgive();
    this.remember();
    this.tell(name);
    this.again();
    this.play(true);
  }

  /** Mark a scenario and tell what it shows, or none. @param {string | null} name */
  tell(name) {
    this.scenario = name;
    for (const [other, shown] of Object.entries(this.view.shows)) {
      shown.setAttribute("aria-pressed", String(other === name));
    }
    this.view.changed.hidden = true;
    this.view.story.replaceChildren(...(name ? [told(SCENARIOS[name], this.chapters, () => this.cure(name))] : []));
  }

  /** @param {string} name a scenario that has a cure */
  cure(name) {
    const cure = /** @type {NonNullable<import("./scenarios.js").Scenario["cure"]>} */ (SCENARIOS[name].cure);
    this.choose(cure.settings);
    this.view.changed.hidden = true;
    this.view.story.replaceChildren(el("p", {}, `Cured with ${cure.say}; the networks are the same. ${cure.then}`));
    this.play(true);
  }

  /** @param {boolean} on */
  play(on) {
    if (on && (!this.session || this.session.over)) this.again();
    if (on && !this.session) this.answer(EMPTY);
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
    if (!this.session) return this.answer(EMPTY);
    this.session.step();
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

  /** After steps: look at the points, stop where no further step makes sense, and say if nothing is left to see. */
  settle() {
    const { session } = this;
    if (!session) return;
    session.look();
    const lost = !this.field.holds(session.shown);
    if (session.over) {
      this.play(false);
      this.say(session.over);
    } else if (lost !== this.lost) {
      const why = this.settings.rateD ? "" : " D stands still, so it never learns that they are far from the data.";
      this.say(lost ? `All generated points have left the field.${why}` : "");
    }
    this.lost = lost;
  }

  draw() {
    if (this.session) this.field.draw(this.session, this.layers, true);
    else this.field.drawSketch(this.points);
    this.report();
    if (this.settings.data === "drawing") this.field.drawCursor();
  }

  /** Chart and numbers. */
  report() {
    const { session } = this;
    if (session) this.chart.draw(session);
    else this.chart.clear();
    /** @type {Record<string, string>} */
    const texts = { ...readings(session), ...(session && { pace: this.playing ? this.pace.text : "resting" }) };
    for (const [name, text] of Object.entries(texts)) this.view.cells[name].textContent = text;
    const label = session ? `Step ${texts.step}: the generated points reach ${texts.modes}.` : "Nothing is drawn yet.";
    this.view.field.setAttribute("aria-label", label);
  }

  /** Below the field and its buttons. @param {...(string | HTMLElement)} what */
  say(...what) {
    this.view.note.replaceChildren(...what);
  }

  /** The same as an answer, which has to be in view. @param {...(string | HTMLElement)} what */
  answer(...what) {
    this.say(...what);
    this.view.note.scrollIntoView({ block: "nearest" });
  }

  remember() {
    try {
      history.replaceState(null, "", `#${toAddress(this.settings, this.points)}`);
    } catch {
      // A page in a sandbox may not change its address; the button that copies a link still works.
    }
  }

  async share() {
    const { share, shared } = this.view;
    const link = `${location.href.split("#")[0]}#${toAddress(this.settings, this.points)}`;
    try {
      await navigator.clipboard.writeText(link);
    } catch {
      shared.textContent = `The link to this game: ${link}`;
      return;
    }
    share.textContent = "Copied ✓";
    shared.textContent = "The link holds every setting and the seed, so it plays the same game.";
    setTimeout(() => (share.textContent = SHARE), COPIED);
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
    if (this.session) this.session.redraw(this.points);
    else if (this.points.length === FEWEST) this.say("Enough to begin with: draw on, or press Play.");
    this.draw();
  }

  wipe() {
    this.points = [];
    this.field.cursor = null;
    this.remember();
    this.again();
  }
}
