// @opentelemetry/sdk-logs with its serializers, at its best: no timer, no exporter, no second queue, and the stream's
// events are there without being parsed.

import { JsonLogsSerializer, ProtobufLogsSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LoggerProvider } from "@opentelemetry/sdk-logs";

import { SESSION, answer } from "./plan.mjs";

const BATCH = 512;
const INFO = { severityNumber: 9, severityText: "INFO" };
const COMMON = {
  "conversation.id": SESSION.conversationId, "app.version": SESSION.appVersion, auth_mode: SESSION.authMode,
  "user.account_id": SESSION.accountId, "terminal.type": SESSION.terminalType, model: SESSION.model, slug: SESSION.slug,
};
/** A clock is read and a number made of it, as for a real duration. */
const duration = () => String(Math.round(performance.now() % 100));
const SERIALIZERS = { json: JsonLogsSerializer, protobuf: ProtobufLogsSerializer };

async function request(emit) {
  const startedAt = performance.now();
  const { status, headers } = await answer("http://localhost/");
  emit("codex.api_request", {
    duration_ms: String(Math.round(performance.now() - startedAt)), "http.response.status_code": status, attempt: 1,
    cf_ray: headers.get("cf-ray"),
  });
}

/** The turns of a plan; `take` is given each batch. */
export function recorder(format, take) {
  const serializer = SERIALIZERS[format];
  return async ({ sse, calls, turns }) => {
    let batch = [];
    const flush = () => {
      if (batch.length > 0) take(serializer.serializeRequest(batch));
      batch = [];
    };
    const collector = {
      onEmit(record) {
        if (batch.push(record) === BATCH) flush();
      },
      forceFlush: async () => {},
      shutdown: async () => {},
    };
    const resource = resourceFromAttributes({
      "service.name": "codex-cli", "service.version": SESSION.appVersion, env: "dev", "telemetry.sdk.name": "opentelemetry",
      "telemetry.sdk.language": "webjs", "telemetry.sdk.version": "3.1.0",
    });
    const logger = new LoggerProvider({ resource, processors: [collector] }).getLogger("codex", SESSION.appVersion);
    const emit = (eventName, attributes) => {
      const now = Date.now();
      const timestamp = new Date(now).toISOString();
      logger.emit({
        ...INFO, eventName, timestamp: now, observedTimestamp: now,
        attributes: { "event.name": eventName, "event.timestamp": timestamp, ...COMMON, ...attributes },
      });
    };
    for (let turn = 0; turn < turns; turn++) {
      for (const { prompt, decision, result } of calls) {
        emit("codex.user_prompt", { prompt_length: String(prompt.length), prompt: "[REDACTED]" });
        await request(emit);
        emit("codex.tool_decision", decision);
        emit("codex.tool_result", { ...result, duration_ms: String(result.duration_ms), success: String(result.success) });
      }
      for (const { timed, ...attributes } of sse) {
        if (timed) attributes.duration_ms = duration();
        emit("codex.sse_event", attributes);
      }
    }
    flush();
  };
}
