/** What can be shown with one click: the settings, what to look at, the remedy, and the chapter that proves it. */

import { usual } from "./settings.js";

/**
 * @typedef {object} Scenario
 * @property {string} title
 * @property {Record<string, any>} settings what differs from the usual
 * @property {string} see
 * @property {string} chapter its number
 * @property {string} proof what that chapter proves
 * @property {{settings: Record<string, any>, say: string, then: string} | null} cure then: what is seen after it
 */

export const TOGETHER = { rateG: 0.002, rateD: 0.002, penalty: "r1", weight: 0.1 };

/** @type {Record<string, Scenario>} */
export const SCENARIOS = {
  collapse: {
    title: "mode collapse",
    settings: { rateG: 0.005, rateD: 0.001 },
    see:
      "The generator learns five times as fast as the discriminator. All its points run together to wherever the " +
      "discriminator is fooled at this moment; the discriminator follows, and the crowd moves on. Watch " +
      "“Reached”: it hardly leaves 0 and 1.",
    chapter: "11",
    proof: "mode collapse and its remedies",
    cure: {
      settings: TOGETHER,
      say: "equal rates and the penalty R1",
      then: "The crowd breaks up, reaches one group after another, and then gathers slowly.",
    },
  },
  cycling: {
    title: "cycling",
    settings: {
      data: "pair",
      loss: "wasserstein",
      optimizer: "sgd",
      rateG: 0.05,
      rateD: 0.05,
      depth: 0,
      speed: "steady",
    },
    see:
      "Both players are linear maps now, so the discriminator sees the mean of the points and nothing else. It tilts " +
      "toward the data, the points follow and overshoot, it tilts back: they circle around each other and never arrive. " +
      "The loss of the discriminator swings about 0, a draw.",
    chapter: "09",
    proof: "why games cycle",
    cure: {
      settings: { penalty: "r1", weight: 0.5 },
      say: "the penalty R1, which damps the rotation",
      then:
        "They stop circling: the mean of the points comes to rest at the mean of the data. Good they do not get: a " +
        "linear generator makes one cloud, never two, and a linear discriminator cannot see the difference.",
    },
  },
  vanishing: {
    title: "vanishing gradients",
    settings: {
      data: "single",
      loss: "minimax",
      optimizer: "sgd",
      updates: 5,
      rateG: 0.02,
      rateD: 0.2,
      speed: "slow",
    },
    see:
      "The discriminator gets five good updates for one of the generator's, and wins within the first thirty steps. " +
      "The saturating loss is flat where the discriminator is sure, so the arrows on the generated points shrink to " +
      "nothing and the points stay where they are. Watch “Slope of G”, at ten steps a second; “Start again” shows it " +
      "once more.",
    chapter: "06",
    proof: "which loss pulls, and how strongly",
    cure: {
      settings: { loss: "non_saturating" },
      say: "the non-saturating loss, and nothing else",
      then: "The arrows are back at once: this loss pulls hardest where the discriminator is sure.",
    },
  },
  good: {
    title: "a good game",
    settings: TOGETHER,
    see:
      "Equal rates, the non-saturating loss and a small penalty R1 on the slope of the discriminator at the data. " +
      "The points reach all eight groups, and both losses come to rest near a draw. The game that this page opens " +
      "with lacks the penalty alone: it reaches the eight too, but restlessly. Compare “Slope of G” at step 3000.",
    chapter: "15",
    proof: "what a penalty on the slope does",
    cure: null,
  },
};

/** The scenario that begins with these settings, if one does. @param {Record<string, any>} settings */
export function scenarioOf(settings) {
  const begins = ([, scenario]) =>
    Object.entries({ ...usual(), ...scenario.settings }).every(([name, value]) => settings[name] === value);
  return Object.entries(SCENARIOS).find(begins)?.[0] ?? null;
}
