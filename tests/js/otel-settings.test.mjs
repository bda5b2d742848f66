// The `[otel]` table: what is accepted, what it becomes, and what errors say.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { VERSION } from "../../pkg/dist/telemetry/environment.js";
import { createExporter, coreSettings } from "../../pkg/dist/telemetry/exporter.js";
import { resolveSettings } from "../../pkg/dist/telemetry/settings.js";
import { otelFromToml } from "../../pkg/dist/telemetry/toml.js";

const ENDPOINT = "https://otel.example.com/v1/logs";
const http = (parts) => ({ exporter: { "otlp-http": { endpoint: ENDPOINT, protocol: "binary", ...parts } } });
const grpc = (parts) => ({ exporter: { "otlp-grpc": { endpoint: "https://otel.example.com:4317", ...parts } } });
const resolve = (otel, { env = {}, ...rest } = {}) => resolveSettings(otel, { env, ...rest });
const RESOLVED = { environment: "dev", logUserPrompt: false, exporter: { type: "none" }, worker: {}, warnings: [] };
const HTTP = { type: "otlp-http", endpoint: ENDPOINT, protocol: "binary", headers: {}, gzip: false, keepalive: true };
const GRPC = { type: "otlp-grpc", endpoint: "https://otel.example.com:4317", headers: {}, gzip: false, tls: {} };

/** The message of the `bad_option` that `call` throws. */
function complaint(call) {
  try {
    call();
  } catch (error) {
    assert.equal(error.name, "StreamError", error.stack);
    assert.equal(error.code, "bad_option");
    return error.message;
  }
  assert.fail("nothing was thrown");
}

test("the version is the package's", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../pkg/package.json", import.meta.url), "utf8"));
  assert.equal(VERSION, version);
});

describe("settings", () => {
  const cases = [
    { name: "nothing", otel: undefined, expected: {} },
    { name: "an empty table", otel: {}, expected: {} },
    { name: "none", otel: { environment: "staging", exporter: "none", log_user_prompt: true }, expected: { environment: "staging", logUserPrompt: true } },
    { name: "otlp-http", otel: http({}), expected: { exporter: HTTP } },
    {
      name: "otlp-http, everything",
      otel: http({ protocol: "json", headers: { "X-Key": "a", b: "" }, compression: "gzip", keepalive: false }),
      expected: { exporter: { ...HTTP, protocol: "json", headers: { "x-key": "a", b: "" }, gzip: true, keepalive: false } },
    },
    { name: "conventions, metrics", otel: { conventions: "both", metrics: { interval_ms: 5.5 } }, expected: { conventions: "both", metricsIntervalMs: 5.5 } },
    { name: "metrics as they are", otel: { metrics: true }, expected: {} },
    { name: "no metrics", otel: { metrics: false }, expected: { metricsIntervalMs: false } },
    {
      name: "metrics elsewhere", otel: http({ metrics_endpoint: "https://${HOST}/m" }), env: { HOST: "h" },
      expected: { exporter: { ...HTTP, metricsEndpoint: "https://h/m" } },
    },
    { name: "the endpoint as it is", otel: http({ endpoint: "http://h/a//b/?q=1" }), expected: { exporter: { ...HTTP, endpoint: "http://h/a//b/?q=1" } } },
    { name: "a page's own server", otel: http({ endpoint: "/v1/logs" }), base: "https://a.example/x", expected: { exporter: { ...HTTP, endpoint: "/v1/logs" } } },
    {
      name: "variables", otel: http({ endpoint: "https://${HOST}/v1/logs", headers: { k: "Bearer ${TOKEN}${EMPTY}" } }),
      env: { HOST: "h", TOKEN: "t", EMPTY: "" },
      expected: { exporter: { ...HTTP, endpoint: "https://h/v1/logs", headers: { k: "Bearer t" } } },
    },
    { name: "dollars that are no variables", otel: http({ headers: { k: "$A $$ {B}" } }), expected: { exporter: { ...HTTP, headers: { k: "$A $$ {B}" } } } },
    { name: "otlp-grpc", otel: grpc({ headers: { "x-otlp-meta": "abc123" } }), expected: { exporter: { ...GRPC, headers: { "x-otlp-meta": "abc123" } } } },
    {
      name: "otlp-grpc with TLS", otel: grpc({ compression: "gzip", tls: { "ca-certificate": "ca.pem", "client-certificate": "c", "client-private-key": "k" } }),
      expected: {
        exporter: {
          ...GRPC, gzip: true,
          tls: {
            ca: { path: "otel.exporter.otlp-grpc.tls.ca-certificate", value: "ca.pem" },
            cert: { path: "otel.exporter.otlp-grpc.tls.client-certificate", value: "c" },
            key: { path: "otel.exporter.otlp-grpc.tls.client-private-key", value: "k" },
          },
        },
      },
    },
    {
      name: "a gRPC endpoint with a path", otel: grpc({ endpoint: "http://h:4317/v1/logs" }),
      expected: {
        exporter: { ...GRPC, endpoint: "http://h:4317/v1/logs" },
        warnings: ['otel.exporter.otlp-grpc.endpoint: the path of "http://h:4317/v1/logs" is ignored; gRPC has its own'],
      },
    },
    {
      name: "batch", otel: { batch: { scheduled_delay_ms: 0, retry_factor: 1.5 } },
      expected: { worker: { scheduled_delay_ms: 0, retry_factor: 1.5 } },
    },
    { name: "a small queue", otel: { batch: { max_queue_size: 10 } }, expected: { worker: { max_queue_size: 10, max_export_batch_size: 10 } } },
    { name: "a large batch", otel: { batch: { max_export_batch_size: 5000 } }, expected: { worker: { max_queue_size: 5000, max_export_batch_size: 5000 } } },
    { name: "a short cap", otel: { batch: { retry_cap_ms: 50 } }, expected: { worker: { retry_initial_ms: 50, retry_cap_ms: 50 } } },
  ];
  for (const { name, otel, env, base, expected } of cases) {
    test(name, () => assert.deepEqual(resolve(otel, { env, base }), { ...RESOLVED, ...expected }));
  }

  test("a sink", () => {
    const sink = () => {};
    assert.deepEqual(resolve({ exporter: { sink } }).exporter, { type: "sink", sink, format: "object" });
    assert.deepEqual(resolve({ exporter: { sink, format: "protobuf" } }).exporter, { type: "sink", sink, format: "protobuf" });
  });

  test("what the core is told", () => {
    const settings = resolve({ ...http({ protocol: "json" }), environment: "e", log_user_prompt: true });
    const expected = { environment: "e", logUserPrompt: true, worker: {} };
    assert.deepEqual(coreSettings(settings, createExporter(settings)), { ...expected, exports: true, format: "json", frameOverhead: 0 });
    assert.deepEqual(coreSettings(settings, undefined), { ...expected, exports: false, format: "protobuf", frameOverhead: 0 });
    const overGrpc = resolve(grpc());
    assert.equal(coreSettings(overGrpc, createExporter(overGrpc)).frameOverhead, 5);
  });
});

describe("errors say where and what", () => {
  const cases = [
    [null, "otel: must be a table, not null"],
    [[], "otel: must be a table, not an array"],
    [{ enviroment: "x" }, 'otel.enviroment: unknown key; did you mean "environment"?'],
    [{ "log-user-prompt": true }, 'otel.log-user-prompt: unknown key; did you mean "log_user_prompt"?'],
    [{ zebra: 1 }, "otel.zebra: unknown key; there are environment, exporter, log_user_prompt, batch, conventions, metrics"],
    [{ environment: 1 }, "otel.environment: must be a string, not number"],
    [{ environment: " " }, "otel.environment: it is empty"],
    [{ log_user_prompt: "yes" }, 'otel.log_user_prompt: must be true or false, not "yes"'],
    [{ exporter: null }, "otel.exporter: must be a table, not null"],
    [{ exporter: "nnoe" }, 'otel.exporter: "nnoe" is no exporter; did you mean "none"?'],
    [{ exporter: "otlp-http" }, 'otel.exporter: "otlp-http" needs its settings: { "otlp-http": { endpoint: ".." } }'],
    [{ exporter: {} }, "otel.exporter: it is empty: one of otlp-http, otlp-grpc, sink is missing"],
    [{ exporter: { otlp_http: {} } }, 'otel.exporter.otlp_http: unknown key; did you mean "otlp-http"?'],
    [{ exporter: { "otlp-http": {}, "otlp-grpc": {} } }, "otel.exporter: there can be one exporter, not both otlp-http and otlp-grpc"],
    [{ exporter: { "otlp-http": ENDPOINT } }, "otel.exporter.otlp-http: must be a table, not string"],
    [{ exporter: { sink: "x" } }, "otel.exporter.sink: must be a function, not string"],
    [{ exporter: { sink() {}, format: "xml" } }, 'otel.exporter.format: must be "object" or "json" or "protobuf", not "xml"'],
    [http({ endpont: "x" }), 'otel.exporter.otlp-http.endpont: unknown key; did you mean "endpoint"?'],
    [http({ endpoint: undefined }), "otel.exporter.otlp-http.endpoint: it is missing"],
    [http({ endpoint: "otel.example.com:4318" }), 'otel.exporter.otlp-http.endpoint: "otel.example.com:4318" must be an http: or https: URL'],
    [http({ endpoint: "otel.example.com/v1/logs" }), 'otel.exporter.otlp-http.endpoint: "otel.example.com/v1/logs" is no URL; it needs http:// or https:// in front'],
    [http({ endpoint: "ftp://x/" }), 'otel.exporter.otlp-http.endpoint: "ftp://x/" must be an http: or https: URL'],
    [http({ endpoint: "https://u:p@x/" }), "otel.exporter.otlp-http.endpoint: it must not hold a user or password; give a header `authorization` instead"],
    [http({ endpoint: "/v1/logs" }), 'otel.exporter.otlp-http.endpoint: "/v1/logs" is no URL'],
    [http({ protocol: undefined }), 'otel.exporter.otlp-http.protocol: it is missing: give "binary" or "json"'],
    [http({ protocol: "xml" }), 'otel.exporter.otlp-http.protocol: must be "binary" or "json", not "xml"'],
    [http({ protocol: "grpc" }), 'otel.exporter.otlp-http.protocol: must be "binary" or "json", not "grpc"; for that use the exporter otlp-grpc'],
    [http({ compression: "zstd" }), 'otel.exporter.otlp-http.compression: must be "gzip" or "none", not "zstd"'],
    [http({ headers: { k: "${OTLP_TOKEN}" } }), "otel.exporter.otlp-http.headers.k: the environment has no variable OTLP_TOKEN"],
    [http({ headers: { k: "${constructor}" } }), "otel.exporter.otlp-http.headers.k: the environment has no variable constructor"],
    [http({ endpoint: "https://${A B}/" }), "otel.exporter.otlp-http.endpoint: `${` must be followed by a variable's name and `}`"],
    [http({ headers: { k: "${OTLP" } }), "otel.exporter.otlp-http.headers.k: `${` must be followed by a variable's name and `}`"],
    [http({ headers: { k: 5 } }), "otel.exporter.otlp-http.headers.k: must be a string, not number"],
    [http({ headers: { "a b": "x" } }), "otel.exporter.otlp-http.headers: a name has a character that no header's name can have"],
    [http({ headers: { "a:\r\nb": "x" } }), "otel.exporter.otlp-http.headers: a name has a character that no header's name can have"],
    [http({ headers: { k: "x\r\nhost: y" } }), "otel.exporter.otlp-http.headers.k: its value has a character that no header can have"],
    [http({ headers: { k: "${EVIL}" } }), "otel.exporter.otlp-http.headers.k: its value has a character that no header can have"],
    [http({ headers: { k: "\u20ac" } }), "otel.exporter.otlp-http.headers.k: its value has a character that no header can have"],
    [http({ headers: { "Content-Type": "x" } }), "otel.exporter.otlp-http.headers.Content-Type: this header is the protocol's own and can not be set"],
    [http({ headers: { K: "a", k: "b" } }), "otel.exporter.otlp-http.headers.k: it is there twice, also as K"],
    [grpc({ protocol: "binary" }), "otel.exporter.otlp-grpc.protocol: unknown key; there are endpoint, headers, compression, tls"],
    [grpc({ headers: { "grpc-timeout": "1S" } }), "otel.exporter.otlp-grpc.headers.grpc-timeout: this header is the protocol's own and can not be set"],
    [grpc({ headers: { k: "\xe4" } }), "otel.exporter.otlp-grpc.headers.k: its value has a character that no header can have"],
    [grpc({ tls: { "ca-cert": "x" } }), "otel.exporter.otlp-grpc.tls.ca-cert: unknown key; there are ca-certificate, client-certificate, client-private-key"],
    [grpc({ tls: { "client-certificate": "x" } }), "otel.exporter.otlp-grpc.tls.client-private-key: it is missing: client-certificate needs it"],
    [grpc({ endpoint: "http://h:1", tls: { "ca-certificate": "x" } }), "otel.exporter.otlp-grpc.tls: the endpoint's scheme http: is without TLS; use https:"],
    [{ batch: { max_queue: 1 } }, 'otel.batch.max_queue: unknown key; did you mean "max_queue_size"?'],
    [{ batch: { max_queue_size: 0 } }, "otel.batch.max_queue_size: must be a whole number from 1 to 2147483647, not 0"],
    [{ batch: { export_timeout_ms: "5" } }, 'otel.batch.export_timeout_ms: must be a number from 1 to 2147483647, not "5"'],
    [{ batch: { retry_factor: NaN } }, "otel.batch.retry_factor: must be a number from 1 to 100, not NaN"],
    [{ batch: { max_queue_size: 5, max_export_batch_size: 6 } }, "otel.batch.max_export_batch_size: 6 must not be larger than max_queue_size (5)"],
  ];
  for (const [otel, message] of cases) {
    test(message, () => assert.equal(complaint(() => resolve(otel, { env: { EVIL: "a\nb" } })), message));
  }

  test("what was filled in is not shown", () => {
    const message = complaint(() => resolve(http({ endpoint: "${SECRET}" }), { env: { SECRET: "s3cret" } }));
    assert.match(message, /^otel\.exporter\.otlp-http\.endpoint: "\$\{SECRET\}" is no URL/);
    assert.doesNotMatch(message, /s3cret/);
  });

  test("in a browser, gRPC and variables say what to use instead", () => {
    assert.match(complaint(() => resolve(grpc(), { node: false })), /^otel\.exporter\.otlp-grpc: a browser can not speak gRPC; use otlp-http/);
    assert.match(complaint(() => resolve(http({ endpoint: "${A}" }), { node: false })), /in a browser, give it with the option `env`$/);
  });

  test("a certificate that is not there", () => {
    const settings = resolve(grpc({ tls: { "ca-certificate": "/nowhere/ca.pem" } }));
    const expected = 'otel.exporter.otlp-grpc.tls.ca-certificate: can not read the file "/nowhere/ca.pem": ENOENT';
    assert.equal(complaint(() => createExporter(settings)), expected);
  });
});

describe("TOML", () => {
  const SEED_HTTP = `
    [otel]
    exporter = { otlp-http = {
      endpoint = "https://otel.example.com/v1/logs",
      protocol = "binary",
      headers = { "x-otlp-api-key" = "\${OTLP_TOKEN}" }
    }}`;
  const SEED_GRPC = `
    [otel]
    exporter = { otlp-grpc = {
      endpoint = "https://otel.example.com:4317",
      headers = { "x-otlp-meta" = "abc123" }
    }}`;
  const cases = [
    { name: "the seed's first", text: '[otel]\nenvironment = "staging" # dev\nexporter = "none"\nlog_user_prompt = false\n', expected: { environment: "staging" } },
    { name: "the seed's otlp-http", text: SEED_HTTP, expected: { exporter: { ...HTTP, headers: { "x-otlp-api-key": "t" } } } },
    { name: "the seed's otlp-grpc", text: SEED_GRPC, expected: { exporter: { ...GRPC, headers: { "x-otlp-meta": "abc123" } } } },
    { name: "tables", text: `model = "x"\n[otel.exporter.otlp-http]\nendpoint = "${ENDPOINT}"\nprotocol = "binary"\n[otel.batch]\nscheduled_delay_ms = 5\n`, expected: { exporter: HTTP, worker: { scheduled_delay_ms: 5 } } },
    { name: "the table itself", text: 'environment = "e"', expected: { environment: "e" } },
    { name: "an empty text", text: "", expected: {} },
  ];
  for (const { name, text, expected } of cases) {
    test(name, async () => {
      const surroundings = { env: { OTLP_TOKEN: "t" } };
      assert.deepEqual(resolve(text, surroundings), { ...RESOLVED, ...expected });
      assert.deepEqual(resolve(await otelFromToml(text), surroundings), { ...RESOLVED, ...expected });
    });
  }

  test("errors have a line and a column", async () => {
    const text = '[otel]\nenvironment = \n';
    const expected = "otel: not TOML at line 2, column 15: invalid value";
    assert.equal(complaint(() => resolve(text)), expected);
    await assert.rejects(otelFromToml(text), { code: "bad_option", message: expected });
  });

  test("a misspelt table", () => {
    assert.equal(complaint(() => resolve("[otle]\n")), "otel.otle: unknown key; there are environment, exporter, log_user_prompt, batch, conventions, metrics");
  });
});

describe("OTEL_ variables, if no exporter is given", () => {
  const LOCAL = { ...HTTP, endpoint: "http://localhost:4318/v1/logs" };
  const E = "OTEL_EXPORTER_OTLP_";
  const L = "OTEL_EXPORTER_OTLP_LOGS_";
  const cases = [
    { name: "none of them", env: { OTEL_SERVICE_NAME: "s", OTEL_BLRP_MAX_QUEUE_SIZE: "5" }, expected: {} },
    { name: "those of other signals", env: { [`${E}TRACES_ENDPOINT`]: "http://h/" }, expected: {} },
    { name: "empty is unset", env: { [`${E}ENDPOINT`]: "", OTEL_LOGS_EXPORTER: " " }, expected: {} },
    { name: "otlp", env: { OTEL_LOGS_EXPORTER: "otlp" }, expected: { exporter: LOCAL } },
    { name: "none", env: { OTEL_LOGS_EXPORTER: "none", [`${E}ENDPOINT`]: "http://h" }, expected: {} },
    { name: "disabled", env: { OTEL_SDK_DISABLED: "TRUE", [`${E}ENDPOINT`]: "http://h" }, expected: {} },
    { name: "disabled means true", env: { OTEL_SDK_DISABLED: "1", OTEL_LOGS_EXPORTER: "otlp" }, expected: { exporter: LOCAL } },
    { name: "a base endpoint", env: { [`${E}ENDPOINT`]: "http://h:4318" }, expected: { exporter: { ...LOCAL, endpoint: "http://h:4318/v1/logs" } } },
    { name: "a base endpoint with a path", env: { [`${E}ENDPOINT`]: "https://h/otlp/?k=v" }, expected: { exporter: { ...LOCAL, endpoint: "https://h/otlp/v1/logs?k=v" } } },
    { name: "the logs' own endpoint", env: { [`${E}ENDPOINT`]: "http://g", [`${L}ENDPOINT`]: "http://h/x" }, expected: { exporter: { ...LOCAL, endpoint: "http://h/x" } } },
    { name: "json", env: { [`${E}PROTOCOL`]: "HTTP/JSON" }, expected: { exporter: { ...LOCAL, protocol: "json" } } },
    { name: "grpc", env: { [`${E}PROTOCOL`]: "grpc" }, expected: { exporter: { ...GRPC, endpoint: "http://localhost:4317" } } },
    { name: "grpc without a scheme", env: { [`${L}PROTOCOL`]: "grpc", [`${E}ENDPOINT`]: "h:4317" }, expected: { exporter: { ...GRPC, endpoint: "https://h:4317" } } },
    { name: "insecure grpc", env: { [`${E}PROTOCOL`]: "grpc", [`${E}ENDPOINT`]: "h:4317", [`${E}INSECURE`]: "true" }, expected: { exporter: { ...GRPC, endpoint: "http://h:4317" } } },
    {
      name: "grpc with TLS",
      env: { [`${E}PROTOCOL`]: "grpc", [`${E}ENDPOINT`]: "https://h", [`${E}CERTIFICATE`]: "ca", [`${L}CLIENT_CERTIFICATE`]: "c", [`${E}CLIENT_KEY`]: "k" },
      expected: {
        exporter: {
          ...GRPC, endpoint: "https://h",
          tls: { ca: { path: `${E}CERTIFICATE`, value: "ca" }, cert: { path: `${L}CLIENT_CERTIFICATE`, value: "c" }, key: { path: `${E}CLIENT_KEY`, value: "k" } },
        },
      },
    },
    { name: "headers", env: { [`${E}HEADERS`]: "api-key=a%20b , X-Two=c=d" }, expected: { exporter: { ...LOCAL, headers: { "api-key": "a b", "x-two": "c=d" } } } },
    { name: "the logs' own headers, only", env: { [`${E}HEADERS`]: "a=1,b=2", [`${L}HEADERS`]: "c=3" }, expected: { exporter: { ...LOCAL, headers: { c: "3" } } } },
    { name: "headers are literal", env: { [`${E}HEADERS`]: "k=${X}" }, expected: { exporter: { ...LOCAL, headers: { k: "${X}" } } } },
    { name: "a bad header", env: { [`${E}HEADERS`]: "k=%zz,ok=1" }, expected: { exporter: { ...LOCAL, headers: { ok: "1" } }, warnings: [`${E}HEADERS: a part that is not \`key=value\` is ignored`] } },
    { name: "compression", env: { [`${E}COMPRESSION`]: "GZIP" }, expected: { exporter: { ...LOCAL, gzip: true } } },
    { name: "timeouts", env: { [`${E}TIMEOUT`]: "5000", OTEL_BLRP_EXPORT_TIMEOUT: "3000" }, expected: { exporter: LOCAL, worker: { export_timeout_ms: 3000 } } },
    { name: "no timeout", env: { [`${E}TIMEOUT`]: "0" }, expected: { exporter: LOCAL, worker: { export_timeout_ms: 2147483647 } } },
    {
      name: "the batch", env: { OTEL_LOGS_EXPORTER: "otlp", OTEL_BLRP_MAX_QUEUE_SIZE: "100", OTEL_BLRP_SCHEDULE_DELAY: "50", OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: "10" },
      expected: { exporter: LOCAL, worker: { scheduled_delay_ms: 50, max_queue_size: 100, max_export_batch_size: 10 } },
    },
    {
      name: "a batch larger than the queue", env: { OTEL_LOGS_EXPORTER: "otlp", OTEL_BLRP_MAX_QUEUE_SIZE: "100", OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: "200" },
      expected: {
        exporter: LOCAL, worker: { max_queue_size: 100, max_export_batch_size: 100 },
        warnings: ["OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: 200 is more than the queue holds; it is 100 now"],
      },
    },
    { name: "settings come first", env: { OTEL_LOGS_EXPORTER: "otlp", OTEL_BLRP_SCHEDULE_DELAY: "50" }, otel: { batch: { scheduled_delay_ms: 7 } }, expected: { exporter: LOCAL, worker: { scheduled_delay_ms: 7 } } },
    {
      name: "unparsable numbers", env: { [`${E}TIMEOUT`]: "5s", OTEL_BLRP_SCHEDULE_DELAY: "-1" },
      expected: {
        exporter: LOCAL,
        warnings: ["OTEL_BLRP_SCHEDULE_DELAY", `${E}TIMEOUT`].map((name, at) => `${name}: "${["-1", "5s"][at]}" is ignored: it is no whole number from 0 to 2147483647`),
      },
    },
    {
      name: "the resource", env: { OTEL_LOGS_EXPORTER: "otlp", OTEL_RESOURCE_ATTRIBUTES: "service.name=a,team=x%2Cy" },
      expected: { exporter: LOCAL, serviceName: "a", resourceAttributes: { team: "x,y" } },
    },
    { name: "the service", env: { OTEL_LOGS_EXPORTER: "otlp", OTEL_SERVICE_NAME: "b", OTEL_RESOURCE_ATTRIBUTES: "service.name=a" }, expected: { exporter: LOCAL, serviceName: "b" } },
    {
      name: "attribute limits", env: { OTEL_LOGS_EXPORTER: "otlp", OTEL_ATTRIBUTE_COUNT_LIMIT: "9", OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT: "7", OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: "80" },
      expected: { exporter: LOCAL, attributeCountLimit: 7, attributeValueLengthLimit: 80 },
    },
    { name: "an unknown exporter", env: { OTEL_LOGS_EXPORTER: "zipkin" }, expected: { warnings: ['OTEL_LOGS_EXPORTER: "zipkin" is ignored'] } },
    { name: "an unknown protocol", env: { [`${E}PROTOCOL`]: "udp" }, expected: { exporter: LOCAL, warnings: [`${E}PROTOCOL: "udp" is ignored: it is no protocol`] } },
    { name: "an exporter is given", env: { [`${E}ENDPOINT`]: "http://h", OTEL_SDK_DISABLED: "true", OTEL_SERVICE_NAME: "s" }, otel: http(), expected: { exporter: HTTP } },
    { name: "none is given", env: { [`${E}ENDPOINT`]: "http://h" }, otel: { exporter: "none" }, expected: {} },
  ];
  for (const { name, env, otel, expected } of cases) {
    test(name, () => assert.deepEqual(resolve(otel, { env }), { ...RESOLVED, ...expected }));
  }

  test("otlp/stdout prints JSON lines", (t) => {
    const print = t.mock.method(console, "log", () => {});
    const { exporter } = resolve(undefined, { env: { OTEL_LOGS_EXPORTER: "otlp/stdout" } });
    assert.equal(exporter.format, "json");
    exporter.sink("{}");
    assert.deepEqual(print.mock.calls[0].arguments, ["{}"]);
  });

  test("errors name the variable", () => {
    const complain = (env, rest) => complaint(() => resolve(undefined, { env, ...rest }));
    assert.equal(complain({ [`${E}ENDPOINT`]: "nonsense" }), `${E}ENDPOINT: "nonsense" is no URL; it needs http:// or https:// in front`);
    assert.equal(complain({ [`${E}HEADERS`]: "host=x" }), `${E}HEADERS.host: this header is the protocol's own and can not be set`);
    assert.match(complain({ [`${E}PROTOCOL`]: "grpc" }, { node: false }), /^OTEL_EXPORTER_OTLP_PROTOCOL: a browser can not/);
  });
});
