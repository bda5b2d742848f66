// A live endpoint. The key is in the request's header and nowhere else.

import { Unreachable } from "../words.js";
import { urlOf, WIRES } from "./wires.js";

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * An endpoint as a source.
 *
 * @throws {Unreachable} for an address, a key or further fields that can not be used.
 */
export function endpointSource({ wire, base, model, key, prompt, fields }) {
  const url = checkedUrl(urlOf(wire, base));
  const { headers, body, key: keyHeader } = WIRES[wire];
  const request = { ...body(model, prompt), ...readFields(fields) };
  if (/[^\x20-\x7e]/.test(key)) {
    throw new Unreachable("The key has a character that no header can have.", "Copy it again: a line end or a typographic character may have come along.");
  }
  if (key !== "" && url.protocol === "http:" && !LOOPBACK.test(url.hostname)) {
    throw new Unreachable("The key would go over the network unencrypted.", "Use https:, or leave the key out.");
  }
  return {
    kind: "endpoint", title: `${model} at ${url.host}`, model: model || "unknown", provider: url.host, prompt,
    url: url.href, request, headers, keyHeader: key === "" ? undefined : keyHeader("KEY"), options: { wire },
    async open({ fetch, signal }) {
      const secret = key === "" ? {} : Object.fromEntries([keyHeader(key)]);
      const init = { method: "POST", headers: { ...headers, ...secret }, body: JSON.stringify(request), signal, credentials: "omit" };
      try {
        return await fetch(url.href, init);
      } catch (error) {
        if (signal.aborted) throw error;
        throw await whyUnreachable(url, error);
      }
    },
  };
}

function checkedUrl(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    throw new Unreachable("The base URL is not a URL.", "It begins with https:// or http://, as in https://api.example.com/v1.");
  }
  if (url.protocol === "https:" || url.protocol === "http:") return url;
  throw new Unreachable(`A page can not ask ${url.protocol} addresses.`, "Use https:// or http://.");
}

function readFields(text) {
  if (text.trim() === "") return {};
  let fields;
  try {
    fields = JSON.parse(text);
  } catch (error) {
    throw new Unreachable(`The further fields are not JSON: ${error.message}`, 'They are an object, as in { "temperature": 0 }.');
  }
  if (typeof fields === "object" && fields !== null && !Array.isArray(fields)) return fields;
  throw new Unreachable("The further fields are no JSON object.", 'They are an object, as in { "temperature": 0 }.');
}

/**
 * A browser says of a request without an answer only that it failed. Another one, of a kind for which no leave is needed
 * and whose answer can not be read, tells whether anybody is there; it carries no key.
 */
export async function whyUnreachable(url, cause) {
  const isThere = await fetch(url.origin, { mode: "no-cors", credentials: "omit", cache: "no-store" }).then(() => true, () => false);
  if (!isThere) {
    return new Unreachable(`Nobody answers at ${url.origin}.`, "Is the address right, the server running, and this machine online?", cause);
  }
  return new Unreachable(
    `There is a server at ${url.origin}, but this page may not read its answers (CORS).`,
    `It has to allow the origin ${location.origin}, and the request's headers, by access-control-allow-.. headers. `
      + "If it is not yours, ask it with curl -isN and paste what that prints.",
    cause,
  );
}
