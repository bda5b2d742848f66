// Reads one stream; the same in the page, in a worker, and in Node for comparison.

/** @param plan `{ options?, abortAfter? }`: abort after so many events. */
export async function read({ aggregate }, url, { options, abortAfter } = {}) {
  const controller = new AbortController();
  const outcome = { events: [] };
  const stream = aggregate(await fetch(url), { ...options, signal: controller.signal });
  try {
    for await (const { timings, ...event } of stream) {
      outcome.events.push(event);
      outcome.timed ??= timings && timings.duration_ms >= 0;
      if (outcome.events.length === abortAfter) controller.abort();
    }
    const { timings: _, ...final } = await stream.final();
    outcome.final = final;
  } catch (error) {
    const { name, code, message, provider, partial, cause } = error;
    outcome.error = { name, code, message, provider, partial, cause: cause?.name };
  }
  return outcome;
}

/** The TransformStream form. */
export async function transform({ AggregatorStream }, url) {
  const reader = (await fetch(url)).body.pipeThrough(new AggregatorStream()).getReader();
  const events = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return events;
    const { timings: _, ...event } = value;
    events.push(event);
  }
}
