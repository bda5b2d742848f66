// What a request says of itself, for the conventions for generative AI.

import { clock } from "../clock.js";
import type { TelemetryCoreRequest } from "../core.js";

/** Parameters that become attributes; which, src/telemetry/gen_ai/names.rs says. */
const PARAMETERS = [
  "stream", "max_tokens", "max_completion_tokens", "max_output_tokens", "temperature", "top_p", "top_k",
  "frequency_penalty", "presence_penalty", "seed", "n", "stop", "stop_sequences",
];

/** Reads a request's URL and, if it is text, its body. */
export function requestOf(input: RequestInfo | URL, init: RequestInit | undefined): TelemetryCoreRequest {
  const request: TelemetryCoreRequest = { started_ms: clock.now() };
  const url = parsed(() => {
    const base = (globalThis as { location?: Location }).location?.href;
    return new URL(input instanceof Request ? input.url : String(input), base);
  });
  if (url !== undefined && url.hostname !== "") {
    request.server_address = url.hostname.replace(/^\[|\]$/g, "");
    request.server_port = Number(url.port) || (url.protocol === "http:" ? 80 : 443);
  }
  const text: unknown = init?.body;
  const body = typeof text === "string" ? parsed(() => Object(JSON.parse(text)) as Record<string, unknown>) : undefined;
  if (body !== undefined) {
    if (typeof body["model"] === "string") request.model = body["model"];
    request.parameters = picked(body);
  }
  return request;
}

/** The parameters that are known. */
function picked(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(PARAMETERS.filter((name) => Object.hasOwn(body, name)).map((name) => [name, body[name]]));
}

function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
