/** What can be shown with one click: the settings, what to look at, the remedy, and the chapter that proves it. */

/**
 * @typedef {object} Scenario
 * @property {string} title
 * @property {Record<string, any>} settings what differs from the usual
 * @property {string} see
 * @property {string} chapter its number
 * @property {string} proof what that chapter proves
 * @property {{settings: Record<string, any>, say: string} | null} cure
 */

const TOGETHER = { rateG: 0.002, rateD: 0.002, penalty: "r1", weight: 0.1 };

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
    cure: { settings: TOGETHER, say: "equal rates and the penalty R1" },
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
      "The loss of the discriminator swings about its ideal 0.",
    chapter: "09",
    proof: "why games cycle",
    cure: { settings: { penalty: "r1", weight: 0.5 }, say: "the penalty R1, which damps the rotation" },
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
      speed: "steady",
    },
    see:
      "The discriminator gets five good updates for one of the generator's, and wins. The saturating loss is flat where " +
      "the discriminator is sure, so the arrows on the generated points shrink to nothing and the points stay where they " +
      "are. Watch “slope of G”.",
    chapter: "06",
    proof: "which loss pulls, and how strongly",
    cure: { settings: { loss: "non_saturating" }, say: "the non-saturating loss, and nothing else" },
  },
  cure: {
    title: "the cure",
    settings: TOGETHER,
    see:
      "Equal rates, the non-saturating loss and a small penalty R1 on the slope of the discriminator at the data. The " +
      "points spread over all eight modes, the arrows shrink because there is nothing left to repair, and both losses " +
      "settle on their ideal lines.",
    chapter: "15",
    proof: "what a penalty on the slope does",
    cure: null,
  },
};
