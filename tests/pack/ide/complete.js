import { aggregate } from "streamgauge";

/**
 * Asks for a completion and hands its text on as it comes, once per network chunk, so that the editor is drawn once each.
 * Resolves to the token usage; rejects with a `StreamError`, `aborted` if the signal said so.
 */
export async function complete({ endpoint, prompt }, onText, signal) {
  const response = fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ stream: true, messages: [{ role: "user", content: prompt }] }),
    signal,
  });
  const stream = aggregate(await response, { signal });
  for await (const events of stream.batches()) {
    const text = events.map(({ type, delta }) => (type === "output_text.delta" ? delta : "")).join("");
    if (text !== "") onText(text);
  }
  return (await stream.final()).token_usage;
}
