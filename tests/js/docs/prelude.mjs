// Loaded before a block runs, in Node and in a page: requests go to the documents' server, whatever their host, and `assert` and
// `printed` are there for what is checked.

const server = globalThis.process?.env.DOCS_SERVER ?? globalThis.DOCS_SERVER;
const realFetch = globalThis.fetch;
const isPage = typeof document === "object";

globalThis.fetch = async (input, init) => {
  const isRequest = input instanceof Request;
  const url = new URL(isRequest ? input.url : input, isPage ? location.href : undefined);
  const isOwn = url.href.startsWith(server) || (isPage && url.origin === location.origin);
  const target = isOwn ? url.href : `${server}/${url.hostname}${url.pathname}${url.search}`;
  return realFetch(isRequest ? new Request(target, input) : target, init);
};

let printed = "";
Object.defineProperty(globalThis, "printed", { get: () => printed });

if (isPage) {
  console.log = (...values) => (printed += `${values.join(" ")}\n`);
} else {
  globalThis.assert = (await import("node:assert/strict")).default;
  const write = process.stdout.write;
  process.stdout.write = function (text, ...rest) {
    printed += text;
    return write.call(this, text, ...rest);
  };
}
