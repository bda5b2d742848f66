// What the core holds after many streams, and during a long one.

import { runChild } from "./children.mjs";

export async function measureMemory({ quick, tell }) {
  // The last pages come late, by where free blocks happen to lie: mostly before the 10 000th stream, at times after it.
  const [warmUp, streams, megabytes] = quick ? [2_000, 10_000, 50] : [50_000, 100_000, 200];
  tell(`${streams} streams, finished and dropped`);
  const many = await runChild("memory/streams-child.mjs", [warmUp, streams], { timeoutMs: 900_000 });
  tell(`one stream of ${megabytes} MB`);
  const long = await runChild("memory/long-child.mjs", [megabytes]);
  return { many, long };
}
