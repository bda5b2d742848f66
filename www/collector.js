// Sends the records to a collector: OTLP over HTTP, as JSON, one request after the other.

import { several } from "./format.js";
import { Unreachable } from "./words.js";
import { whyUnreachable } from "./sources/endpoint.js";

/** As many records as the package puts into one request. */
const MOST = 512;

/**
 * Sends all of them; resolves to what became of it, in words. Never rejects.
 *
 * @param batches OTLP JSON objects of one resource and scope, as the package's sink has them.
 * @param header a further header as `name: value`, or nothing.
 * @returns `{ ok, text }`
 */
export async function exportAll(batches, address, header) {
  try {
    const url = checkedAddress(address);
    const headers = { "content-type": "application/json", ...readHeader(header) };
    const requests = [...joined(batches)];
    let rejected = 0;
    let remark = "";
    for (const { body } of requests) {
      const partial = await post(url, headers, body);
      rejected += Number(partial.rejectedLogRecords ?? 0);
      remark = partial.errorMessage || remark;
    }
    const total = requests.reduce((sum, { records }) => sum + records, 0);
    return said(url, total, requests.length, rejected, remark);
  } catch (error) {
    const { message, advice = "" } = error;
    return { ok: false, text: `${message} ${advice}`.trim() };
  }
}

function said(url, total, requests, rejected, remark) {
  const words = remark === "" ? "" : ` It says: ${remark}`;
  if (rejected > 0) return { ok: false, text: `${url.host} took ${total - rejected} of ${several(total, "record")} and rejected ${rejected}.${words}` };
  return { ok: true, text: `${url.host} took ${several(total, "record")} in ${several(requests, "request")}.${words}` };
}

function checkedAddress(text) {
  try {
    const url = new URL(text.trim());
    if (url.protocol === "http:" || url.protocol === "https:") return url;
  } catch {
    // The words are the same.
  }
  throw new Unreachable("The collector's address is not a URL.", "It is the whole one, as in http://localhost:4318/v1/logs.");
}

function readHeader(text) {
  if (text.trim() === "") return {};
  const [, name, value] = /^\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*:\s*([\x20-\x7e]*)$/.exec(text) ?? [];
  if (name === undefined) throw new Unreachable("The header can not be read.", "It is a name, a colon and a value: x-otlp-api-key: 123");
  return { [name]: value.trim() };
}

async function post(url, headers, body) {
  let response;
  try {
    response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), credentials: "omit" });
  } catch (error) {
    throw await whyUnreachable(url, error);
  }
  const text = await response.text();
  let answer = {};
  try {
    answer = JSON.parse(text);
  } catch {
    // An empty answer is a good one.
  }
  if (response.ok) return answer.partialSuccess ?? {};
  const words = answer.message ?? text.slice(0, 200).trim();
  throw new Unreachable(`${url.host} answered ${response.status}${words ? `: ${words}` : ""}.`, adviceFor(response.status));
}

function adviceFor(status) {
  if (status === 401 || status === 403) return "It wants a header with a key.";
  if (status === 404 || status === 405) return "Is that the whole address? For OTLP over HTTP it ends in /v1/logs.";
  if (status === 415) return "It does not take JSON.";
  return "";
}

/** The batches in requests of at most {@link MOST} records: small ones are put together. */
function* joined(batches) {
  let open;
  for (const { resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords }] }] } of batches) {
    for (const record of logRecords) {
      open ??= { resource, scope, logRecords: [] };
      open.logRecords.push(record);
      if (open.logRecords.length < MOST) continue;
      yield request(open);
      open = undefined;
    }
  }
  if (open !== undefined) yield request(open);
}

function request({ resource, scope, logRecords }) {
  return { records: logRecords.length, body: { resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords }] }] } };
}
