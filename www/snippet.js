// The program that does what the page does: an ES module for Node. A key is never in it.

/** A capture up to this many characters is part of the program; a larger one is read from standard input. */
const LONGEST_TEXT = 4000;

/**
 * The program's text.
 *
 * @param source of the page: recorded, pasted or endpoint.
 * @param collector where log records go, or nothing.
 */
export function snippet(source, collector) {
  const withTelemetry = collector.trim() !== "";
  const names = ["aggregate", "StreamError", ...(withTelemetry ? ["Telemetry"] : [])];
  const opened = OPENERS[source.kind](source, withTelemetry ? "telemetry.fetch" : "fetch");
  const isImport = (line) => line.startsWith("import ");
  return [
    ...opened.filter(isImport),
    `import { ${names.join(", ")} } from "streamgauge";`,
    "",
    ...(withTelemetry ? telemetry(source, collector.trim()) : []),
    ...opened.filter((line) => !isImport(line)),
    `const stream = aggregate(response, ${inline({ ...source.options, include: ["tool_call.delta"] }, withTelemetry ? ["telemetry"] : [])});`,
    ...loop,
    ...(withTelemetry ? ["await telemetry.shutdown();"] : []),
    "",
  ].join("\n");
}

const OPENERS = {
  recorded: ({ url }) => [`const response = await fetch(${JSON.stringify(url)});`, ""],
  pasted({ body, answer }) {
    const text = new TextDecoder().decode(body);
    const isText = text.length <= LONGEST_TEXT && !text.includes("\ufffd");
    const bytes = isText ? JSON.stringify(text) : "process.stdin";
    const note = isText ? [] : ["// Give it the body of the capture: node THIS_FILE < CAPTURE"];
    if (answer === undefined) {
      return [...note, `const response = ${isText ? `new TextEncoder().encode(${bytes})` : bytes};`, ""];
    }
    return [
      ...note,
      ...(isText ? [] : ['import { Readable } from "node:stream";']),
      `const response = new Response(${isText ? bytes : "Readable.toWeb(process.stdin)"}, {`,
      `  status: ${answer.status},`,
      `  headers: ${inline(Object.fromEntries(answer.headers))},`,
      "});",
      "",
    ];
  },
  endpoint({ url, headers, keyHeader, request }, fetcher) {
    const [name, template] = keyHeader ?? [];
    const secret = name === undefined
      ? []
      : [`    ${JSON.stringify(name)}: ${template === "KEY" ? "process.env.API_KEY" : `\`${template.replace("KEY", "${process.env.API_KEY}")}\``},`];
    return [
      `const response = await ${fetcher}(${JSON.stringify(url)}, {`,
      '  method: "POST",',
      "  headers: {",
      ...Object.entries(headers).filter(([name]) => !name.startsWith("anthropic-dangerous"))
        .map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)},`),
      ...secret,
      "  },",
      `  body: JSON.stringify(${JSON.stringify(request, null, 2).replaceAll("\n", "\n  ")}),`,
      "});",
      "",
    ];
  },
};

function telemetry({ model, provider, prompt }, collector) {
  return [
    "const telemetry = new Telemetry({",
    `  conversationId: crypto.randomUUID(), model: ${JSON.stringify(model)}, appVersion: "1.0.0",`,
    `  otel: { exporter: { "otlp-http": { endpoint: ${JSON.stringify(collector)}, protocol: "json" } } },`,
    "});",
    `telemetry.conversationStarts({ provider_name: ${JSON.stringify(provider)} });`,
    ...(prompt === undefined ? [] : [`telemetry.userPrompt(${JSON.stringify(prompt)});`]),
    "",
  ];
}

const loop = [
  "try {",
  "  for await (const event of stream) {",
  "    switch (event.type) {",
  '      case "reasoning.delta":',
  '      case "reasoning_summary.delta":',
  '      case "output_text.delta":',
  '      case "refusal.delta":',
  "        process.stdout.write(event.delta);",
  "        break;",
  '      case "tool_call.delta":',
  "        break; // event.name, event.call_id, event.delta: the arguments as they grow",
  '      case "output_item.done":',
  "        console.log(`\\n${JSON.stringify(event.item)}`);",
  "        break;",
  '      case "completed":',
  "        console.log(event.finish_reason, event.token_usage, event.timings);",
  "    }",
  "  }",
  "} catch (error) {",
  "  if (!(error instanceof StreamError)) throw error;",
  "  console.error(`${error.code}: ${error.message}`); // error.provider, error.partial",
  "  process.exitCode = 1;",
  "}",
];

/** An object as code on one line; `names` are variables that go into it as they are called. */
function inline(object, names = []) {
  const fields = Object.entries(object).map(([name, value]) => `${/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `{ ${[...fields, ...names].join(", ")} }`;
}
