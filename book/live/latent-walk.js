/** Entry of the pages that walk through the noise: the figure, and the weights of a generator of digits. */

import stored from "../results/mlp_digits/generator.json";
import { mount } from "./figures/latent-walk.js";
import { offerStill, places } from "./kit/mount.js";

for (const { host } of places(["latent-walk"])) {
  mount(host, stored);
  offerStill(host);
}
