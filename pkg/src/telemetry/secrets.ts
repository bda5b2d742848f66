// What must not be told in a record, a warning or an error: values of headers, and what of a URL may be a key.

const REDACTED = "[REDACTED]";
/** Shorter values are no secrets, and are in any text by chance. */
const LEAST = 5;
/** A longer segment of a path is more likely a key than a name. */
const SEGMENT = 16;

/** `text` without these values; an end that is the beginning of one goes too, as messages are cut somewhere. */
export function concealed(text: string, secrets: readonly string[]): string {
  let shown = text;
  // A value may be a part of another one.
  for (const secret of secrets.filter(({ length }) => length >= LEAST).sort((a, b) => b.length - a.length)) {
    shown = shown.replaceAll(secret, REDACTED);
    for (let length = Math.min(secret.length, shown.length); length >= LEAST; length--) {
      if (!shown.endsWith(secret.slice(0, length))) continue;
      shown = shown.slice(0, -length) + REDACTED;
      break;
    }
  }
  return shown;
}

/** What of a header's value to conceal: all of it, and what comes after `Bearer` or the like. */
export function headerSecrets(value: string): string[] {
  return [value.trim(), ...value.trim().split(/\s+/).slice(1)];
}

/** What of a URL to conceal, as it is and decoded: user, password, query, fragment, and long segments of the path. */
export function urlSecrets(url: string): string[] {
  const [, before = "", path = "", query = ""] = /^((?:[a-z][a-z0-9+.-]*:)?\/\/[^/?#]*)?([^?#]*)(.*)$/is.exec(url) ?? [];
  const user = /\/\/(.*)@/s.exec(before)?.[1] ?? "";
  const values = query.slice(1).split(/[&#;]/).flatMap((pair) => [pair, pair.slice(pair.indexOf("=") + 1)]);
  const found = [query.slice(1), user, ...user.split(":"), ...values, ...path.split("/").filter(({ length }) => length >= SEGMENT)];
  return found.flatMap((part) => [part, decoded(part)]).filter((part) => part !== "");
}

/** A URL as it may be shown: `https://host:1/path`, without what {@link urlSecrets} names. */
export function shownUrl(url: string): string {
  const bare = url.replace(/[?#].*$/s, "").replace(/\/\/.*@/s, "//");
  // `${NAME}` is what stands in the settings, not what it is filled with.
  return bare.replace(/[^/]+/g, (segment, at: number) => {
    const isHost = /(^|\/\/)$/.test(bare.slice(0, at));
    return isHost || segment.length < SEGMENT || /^\$\{\w+\}$/.test(segment) ? segment : "..";
  });
}

/** A message about a request that failed, for a record: without its URL, the values of its headers, and its body. */
export function requestMessage(message: string, input: string | URL | Request, init: RequestInit | undefined): string {
  try {
    const { url, headers } = (typeof input === "object" ? input : {}) as Partial<Request>;
    const address = url ?? String(input);
    const { body } = init ?? {};
    const values = [...headerValues(headers), ...headerValues(init?.headers)].flatMap(headerSecrets);
    const content = typeof body === "string" ? [body] : body instanceof URLSearchParams ? [String(body)] : [];
    const secrets = [address, ...urlSecrets(address), ...values, ...content];
    // Whatever else has a URL in it: a proxy's, with its password.
    return concealed(message.replace(/[a-z][a-z0-9+.-]*:\/\/[^\s"'<>]+/gi, origin), secrets);
  } catch {
    return "it failed";
  }
}

function origin(url: string): string {
  try {
    const { host, protocol } = new URL(url);
    return `${protocol}//${host}`;
  } catch {
    return REDACTED;
  }
}

/** As they were given: `new Headers` would throw for what is wrong with them. */
function headerValues(headers: unknown): string[] {
  if (typeof headers !== "object" || headers === null) return [];
  const isList = typeof (headers as Iterable<unknown>)[Symbol.iterator] === "function";
  const pairs = isList ? [...(headers as Iterable<[string, unknown]>)] : Object.entries(headers);
  // A name that none can have is one that the value slipped into.
  return pairs.flatMap(([name, value]) => (/[^\w-]/.test(name) ? [String(value), String(name)] : [String(value)]));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
