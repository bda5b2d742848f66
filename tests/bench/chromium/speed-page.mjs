// In the page: one contestant, one stream, one split; as speed-child.mjs, but a page has no clock for CPU time.

import { deliver } from "../deliver.mjs";
import { timePasses, warmUp } from "../pass.mjs";
import { makeStream } from "../streams.mjs";

export async function bench(run, { wire, kind, tokens, split, loses, warmUpMs, budgetMs }) {
  await warmUp(run, { source: deliver(makeStream({ wire, kind, tokens: 2000, seed: 9 }), split), forMs: warmUpMs });
  const { ends, events, bytes, expected } = makeStream({ wire, kind, tokens });
  const source = deliver({ bytes, ends }, split);
  const clock = () => ({ wall: performance.now() });
  return timePasses(run, { source, events, expected, loses, budgetMs, clock });
}
