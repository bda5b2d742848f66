// Reads what was encoded, either way: the records' names and attributes. Enough of protobuf for OTLP logs.

/** Of a batch (JSON text or bytes, protobuf bytes): `[name, {attribute: value}]` per record. */
export function recordsOf(batch, format) {
  if (format === "protobuf") return fromProtobuf(batch);
  const text = typeof batch === "string" ? batch : new TextDecoder().decode(batch);
  const scopes = JSON.parse(text).resourceLogs.flatMap(({ scopeLogs }) => scopeLogs);
  const valueOf = ({ intValue, stringValue }) => stringValue ?? Number(intValue);
  return scopes.flatMap(({ logRecords }) => logRecords).map(({ eventName, attributes }) => [
    eventName, Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)])),
  ]);
}

// ExportLogsServiceRequest.resource_logs = 1; ResourceLogs.scope_logs = 2; ScopeLogs.log_records = 2;
// LogRecord.attributes = 6, event_name = 12; KeyValue.key = 1, value = 2; AnyValue.string_value = 1, int_value = 3.
function fromProtobuf(bytes) {
  const utf8 = new TextDecoder();
  const all = (message, number) => fields(message).filter((field) => field.number === number).map(({ value }) => value);
  const one = (message, number) => all(message, number)[0];
  const valueOf = (any) => (one(any, 1) === undefined ? one(any, 3) : utf8.decode(one(any, 1)));
  const records = all(bytes, 1).flatMap((resource) => all(resource, 2)).flatMap((scope) => all(scope, 2));
  return records.map((record) => [
    utf8.decode(one(record, 12)),
    Object.fromEntries(all(record, 6).map((pair) => [utf8.decode(one(pair, 1)), valueOf(one(pair, 2))])),
  ]);
}

function fields(bytes) {
  const found = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [number, type] = [tag >>> 3, tag & 7];
    if (type === 0) found.push({ number, value: varint() });
    else if (type === 2) {
      const length = varint();
      found.push({ number, value: bytes.subarray(at, (at += length)) });
    } else at += type === 1 ? 8 : 4;
  }
  return found;
}

/** Attributes that differ from run to run. */
const CLOCKS = new Set(["event.timestamp", "duration_ms"]);

/** What is wrong with the records, in words; both lists are of `recordsOf`. */
export function recordsDiffer(found, wanted) {
  if (found.length !== wanted.length) return `${found.length} records instead of ${wanted.length}`;
  const pair = ([key, value]) => [key, CLOCKS.has(key) ? typeof value : value];
  const plain = ([name, attributes]) => JSON.stringify([name, Object.entries(attributes).map(pair).sort()]);
  for (const [index, record] of found.entries()) {
    const [ours, theirs] = [plain(record), plain(wanted[index])];
    if (ours !== theirs) return `record ${index}: ${ours} instead of ${theirs}`;
  }
  return undefined;
}
