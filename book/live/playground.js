/** Entry of the playground's page: one classic script. */

import { places } from "./kit/mount.js";
import { Playground } from "./playground/page.js";

for (const { host, chapters } of places(["playground"])) new Playground(host, chapters);
