// Settings as TOML text. The parser is loaded by those who use it: a page that does not, does not pay for it.

import { StreamError } from "../errors.js";
import { nodeModule } from "./environment.js";
import type { OtelSettings } from "./settings/types.js";

interface Parser {
  parse(text: string): Record<string, unknown>;
}

/**
 * Reads the `[otel]` table of a TOML text, so that it can be given as `otel`; other tables are somebody else's. A text
 * without `[otel]` is taken to be the table itself.
 *
 * ```ts
 * const telemetry = new Telemetry({ ..., otel: await otelFromToml(text) });
 * ```
 *
 * In Node the text may also be given as `otel` as it is.
 * @throws {@link StreamError} `bad_option` with line and column if it is not TOML. Its settings are checked when used.
 */
export async function otelFromToml(text: string): Promise<OtelSettings> {
  let parser: Parser;
  try {
    parser = await import("smol-toml");
  } catch (error) {
    throw new StreamError("bad_option", 'otel: TOML needs the package "smol-toml", which could not be loaded', {
      cause: error,
    });
  }
  return otelTable(parser, text);
}

/** {@link otelFromToml} at once, which only Node can do. */
export function otelFromTomlSync(text: string): OtelSettings {
  let parser: Parser;
  try {
    const load = nodeModule("node:module")?.createRequire(import.meta.url);
    if (load === undefined) throw new Error("this is not Node");
    parser = load("smol-toml") as Parser;
  } catch (error) {
    const message = "otel: TOML text can not be read at once here; give `await otelFromToml(text)` instead";
    throw new StreamError("bad_option", message, { cause: error });
  }
  return otelTable(parser, text);
}

function otelTable(parser: Parser, text: string): OtelSettings {
  let root: Record<string, unknown>;
  try {
    root = parser.parse(text);
  } catch (error) {
    const { line, column, message = String(error) } = error as { line?: number; column?: number; message?: string };
    // The rest of the message is a drawing of several lines.
    const reason = message.split("\n", 1)[0]!.replace(/^Invalid TOML document: /, "");
    const place = line === undefined ? "" : ` at line ${line}, column ${column}`;
    // No `cause`: that shows the lines around it, and what they hold.
    throw new StreamError("bad_option", `otel: not TOML${place}: ${reason}`);
  }
  // What it holds is checked with all other settings.
  return (Object.hasOwn(root, "otel") ? root["otel"] : root) as OtelSettings;
}
