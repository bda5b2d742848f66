// Headers of requests: which names and values there can be.

import { bad, shown } from "./checks.js";

/** What the protocols own. */
const RESERVED = [
  "connection", "content-encoding", "content-length", "content-type", "expect", "host", "http2-settings", "keep-alive",
  "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
];

/** Values may be secrets, so errors do not show them. */
export function checkHeaders(path: string, given: Record<string, string>, grpc: boolean): Record<string, string> {
  const names = new Map<string, string>();
  const headers: [string, string][] = [];
  for (const [name, text] of Object.entries(given)) {
    const at = `${path}.${name}`;
    const lower = name.toLowerCase();
    // Not shown, either: with a `:` for a `=`, the value is a part of it.
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) throw bad(path, "a name has a character that no header's name can have");
    if (grpc && !/^[0-9a-z_.-]+$/.test(lower)) throw bad(path, `${shown(name)} is no name for gRPC metadata`);
    if (RESERVED.includes(lower) || (grpc && lower.startsWith("grpc-"))) {
      throw bad(at, "this header is the protocol's own and can not be set");
    }
    const twin = names.get(lower);
    if (twin !== undefined) throw bad(at, `it is there twice, also as ${twin}`);
    names.set(lower, name);
    // What is around a value is no part of it, for fetch neither.
    const value = text.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
    // No line ends: nobody is to smuggle a further header in.
    const allowed = grpc ? /^[\x20-\x7e]*$/ : /^[\t\x20-\x7e\x80-\xff]*$/;
    if (!allowed.test(value)) throw bad(at, "its value has a character that no header can have");
    if (grpc && lower.endsWith("-bin") && !/^[0-9A-Za-z+/]*={0,2}$/.test(value)) throw bad(at, "metadata of a name in -bin must be base64");
    headers.push([lower, value]);
  }
  return Object.fromEntries(headers);
}
