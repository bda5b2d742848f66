export { forAwait as run } from "../streamgauge.mjs";
