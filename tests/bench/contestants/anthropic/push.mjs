export { push as run } from "../streamgauge.mjs";
