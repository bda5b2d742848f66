// The project's own recordings, from the server that serves the page.

import { Unreachable } from "../words.js";
import { paced } from "./pace.js";

/** The list: `[{ id, group, title, note, fails, options, bytes }]`. */
export async function listRecordings() {
  const response = await fetch("recordings.json");
  if (!response.ok) throw new Error(`the list of recordings: HTTP ${response.status}`);
  return response.json();
}

/** Where a recording is. */
export const recordingUrl = ({ id }) => new URL(`recordings/${id}.sse`, document.baseURI).href;

/** A recording as a source. */
export function recordedSource(recording, speed) {
  const { include: _, ...options } = recording.options;
  const url = recordingUrl(recording);
  return {
    kind: "recorded", title: recording.title, model: "recorded", provider: "recording", url, options,
    // The pace is the page's own, and may be slower than any server.
    idleTimeoutMs: 0,
    async open({ signal }) {
      let bytes;
      try {
        const response = await fetch(url, { signal });
        if (!response.ok) throw new Error(`HTTP ${response.status}`);
        bytes = new Uint8Array(await response.arrayBuffer());
      } catch (error) {
        if (signal.aborted) throw error;
        throw new Unreachable("The recording could not be loaded.", "Is the server of this page still running? npm --prefix pkg run www", error);
      }
      return paced(bytes, speed);
    },
  };
}
