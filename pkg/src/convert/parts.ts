// What messages and outputs are made of, whoever's words it comes in.

import type { Entry, History } from "./history.js";
import { object, text } from "./json.js";
import type { Json } from "./json.js";

/** A part, whatever API's words it came in. */
export type Part =
  | { kind: "text" | "refusal"; text: string }
  | { kind: "image"; url: string; fileId: string; detail: string }
  | { kind: "file"; data: string; url: string; fileId: string; name: string }
  | { kind: "audio"; data: string; format: string };

/** What a converter makes of a part; `undefined` when its API has no form for it, and then why. */
export type Say<T> = (part: Part) => T | { why: string };

/** The parts of a message's `content` or of an output; what is no part at all is noted. */
export function partsOf(content: unknown, entry: Entry, history: History, field: string): Part[] {
  if (typeof content === "string") return content === "" ? [] : [{ kind: "text", text: content }];
  if (!Array.isArray(content)) return [];
  return content.flatMap((raw: unknown, at) => {
    const part = typeof raw === "string" ? ({ kind: "text", text: raw } as const) : readPart(object(raw));
    if (part !== undefined) return [part];
    history.note(entry, "dropped", `a part of the type ${JSON.stringify(object(raw)["type"] ?? null)}`, `${field}[${at}]`);
    return [];
  });
}

/** A tool's output, as parts: what is neither text nor a list of parts is written as JSON. */
export function outputOf(entry: Entry, history: History): Part[] {
  const output = entry.item["output"];
  const isParts = Array.isArray(output) && output.every((part) => readPart(object(part)) !== undefined);
  if (isParts || typeof output === "string") return partsOf(output, entry, history, "output");
  const json = output === undefined ? undefined : JSON.stringify(output);
  return json === undefined ? [] : [{ kind: "text", text: json }];
}

/** Says parts in an API's words; what it has none for is noted. */
export function say<T>(parts: Part[], to: Say<T>, entry: Entry, history: History, field: string): T[] {
  return parts.flatMap((part) => {
    const said = to(part);
    if (typeof said !== "object" || said === null || !("why" in said)) return [said as T];
    history.note(entry, "dropped", said.why, field);
    return [];
  });
}

/** The texts of parts, joined. */
export function textOf(parts: readonly Part[]): string {
  return parts.map((part) => ("text" in part ? part.text : "")).join("");
}

/** A `data:` URL in base64, taken apart. */
export function dataUrl(url: string): { type: string; data: string } | undefined {
  const found = /^data:([^;,]*)[^,]*;base64,(.*)$/s.exec(url);
  return found === null ? undefined : { type: found[1]!.toLowerCase(), data: found[2]! };
}

function readPart(part: Json): Part | undefined {
  const field = (name: string): string => text(part[name]);
  switch (part["type"]) {
    case "text":
    case "input_text":
    case "output_text":
      return { kind: "text", text: field("text") };
    case "refusal":
      return { kind: "refusal", text: field("refusal") };
    case "input_image":
    case "image_url": {
      const { url = part["image_url"], detail = part["detail"] } = object(part["image_url"]);
      return { kind: "image", url: text(url), fileId: field("file_id"), detail: text(detail) };
    }
    case "input_file":
    case "file": {
      const from = { ...part, ...object(part["file"]) };
      const [data, url, fileId, name] = ["file_data", "file_url", "file_id", "filename"].map((name) => text(from[name]));
      return { kind: "file", data: data!, url: url!, fileId: fileId!, name: name! };
    }
    case "input_audio": {
      const { data, format } = object(part["input_audio"]);
      return { kind: "audio", data: text(data), format: text(format) };
    }
    default:
      return undefined;
  }
}
