/** One line under each knob: what it is, in words that nobody has to know already. */

/** @type {Record<string, string>} names in FIELDS */
export const HINTS = {
  data: "What G must imitate: groups of points (Gaussians, also called modes), a curve, or what you draw.",
  loss:
    "What a player is charged: D for wrong verdicts, G for being found out. The saturating one hardly pulls where D " +
    "is sure.",
  penalty:
    "Charged to D for being steep: R1 at the data, R2 at generated points; the gradient penalty wants slope 1 " +
    "between them.",
  weight: "How much the penalty counts beside the loss of D. 0: not at all.",
  clip: "After each update of D, every weight of D is cut to at most this size.",
  updates: "How often D learns before G learns once.",
  optimizer:
    "How a gradient, the direction in which a loss rises fastest, becomes a step down. Adam and RMSprop scale it, " +
    "weight by weight.",
  rateG: "How far G goes in a step. 0: it stands still.",
  rateD: "How far D goes in a step. 0: it stands still.",
  beta1: "How much of its earlier direction a step keeps. Adam alone has it.",
  batch: "How many data points, and as many generated ones, an update looks at.",
  width: "How many numbers each hidden layer computes.",
  depth: "0: both players are linear maps, and G can only shift, turn and stretch its noise.",
  noise: "The random numbers that G turns into points.",
  seed: "Decides all chance: the same seed plays the same game.",
};
