/** Entry of the pages with live figures: one classic script. */

import * as convolution from "./figures/convolution.js";
import * as evaluation from "./figures/evaluation.js";
import * as frozenTangent from "./figures/frozen-tangent.js";
import * as optimalDiscriminator from "./figures/optimal-discriminator.js";
import * as phasePortrait from "./figures/phase-portrait.js";
import * as powerIteration from "./figures/power-iteration.js";
import * as pullOfTheLoss from "./figures/pull-of-the-loss.js";
import * as slopeAlongAWay from "./figures/slope-along-a-way.js";
import * as theGame from "./figures/the-game.js";
import * as transport from "./figures/transport.js";
import { offerStill, places } from "./kit/mount.js";

/** @type {Record<string, {mount: (host: HTMLElement) => void}>} by the names of their files */
const FIGURES = {
  convolution,
  evaluation,
  "frozen-tangent": frozenTangent,
  "optimal-discriminator": optimalDiscriminator,
  "phase-portrait": phasePortrait,
  "power-iteration": powerIteration,
  "pull-of-the-loss": pullOfTheLoss,
  "slope-along-a-way": slopeAlongAWay,
  "the-game": theGame,
  transport,
};

for (const { host, name } of places(Object.keys(FIGURES))) {
  FIGURES[name].mount(host);
  offerStill(host);
}
