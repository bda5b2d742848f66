// The load with what is held meanwhile: the same in a Node process and in a page, where `host` samples what only it knows.

import { Load } from "./load.mjs";
import { watched } from "./watch-core.mjs";

export async function makeClient(importPackage, { signalListeners } = {}) {
  const { streamgauge, held } = await watched(importPackage);
  const shared = new AbortController();
  let load;
  return {
    sharedSignal: shared.signal,
    /** Resolves when so many streams are open. */
    start({ base, streams, pace, forget }) {
      load = new Load({ streamgauge, base, pace, sharedSignal: shared.signal });
      return load.start(streams, { forget });
    },
    /** What is held now. */
    sample: () => ({
      ...held(), open: load?.open ?? 0, opened: load?.opened ?? 0, wrongs: load?.tally.wrongs ?? 0, wrong: load?.tally.wrong ?? [],
      ...(signalListeners === undefined ? {} : { signalListeners: signalListeners(shared.signal) }),
    }),
    /** Ends the load; resolves to what came of it. */
    async stop() {
      await load.stop();
      const { tally, telemetries, opened } = load;
      return { ...tally, opened, said: telemetries.said, fetches: telemetries.fetches };
    },
  };
}
