// The same from CommonJS, by an import that becomes require(), and by require() itself.

import { aggregate, type StreamEvent } from "streamgauge";
import small = require("streamgauge/aggregate");
import slim = require("streamgauge/slim");

export async function read(response: Response): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  for await (const event of aggregate(response)) events.push(event);
  return events;
}

export const load = (bytes: Uint8Array<ArrayBuffer>): void => slim.initSync(bytes);

export const isOurs = (error: unknown): boolean => error instanceof small.StreamError;

// @ts-expect-error an option that does not exist
aggregate(new Response(), { idleTimeout: 1 });
