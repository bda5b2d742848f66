// The package, as any page would import it; its place is the server's business.

export { aggregate, PartialJson, StreamError, Telemetry } from "/dist/index.js";
