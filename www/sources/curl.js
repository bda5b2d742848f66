// Reads what `curl -i` printed: status line and headers, then the body.

/** More than any head has. */
const LONGEST_HEAD = 64 * 1024;

/**
 * Takes the heads off: of interim answers, of proxies and redirects, and the last one, which is the answer's.
 *
 * @returns `{ status, headers, body }`; without a head `status` is `undefined`, and the body is all of it.
 */
export function readCurl(bytes) {
  let rest = bytes;
  let head;
  for (;;) {
    const found = headOf(rest);
    if (found === undefined) break;
    head = found;
    rest = rest.subarray(found.length);
  }
  return { status: head?.status, headers: head?.headers ?? [], body: rest };
}

function headOf(bytes) {
  // Each byte a character, so that lengths are those of the bytes.
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, LONGEST_HEAD));
  const found = /^\s*HTTP\/[\d.]+ (\d{3})[^\r\n]*\r?\n((?:[^\r\n]+\r?\n)*)(?:\r?\n|$)/.exec(text);
  if (found === null) return undefined;
  const [all, status, lines] = found;
  const headers = lines.split(/\r?\n/).flatMap((line) => {
    const [, name, value] = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):\s*(.*?)\s*$/.exec(line) ?? [];
    return name === undefined ? [] : [[name.toLowerCase(), value]];
  });
  return { status: Number(status), headers, length: all.length };
}
