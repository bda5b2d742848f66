export { batches as run } from "../streamgauge.mjs";
