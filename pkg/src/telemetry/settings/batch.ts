// The batch worker's numbers: which there are, their ranges, and which must not be larger than which.

import { asTable, bad, checkKeys, shown } from "./checks.js";
import type { BatchSettings } from "./types.js";

/** The core's clock counts no further, in milliseconds. */
export const WORKER_MAX_MS = 2_147_483_647;

/** Each number's least and largest value. */
const BATCH: Record<keyof BatchSettings, { least: number; most: number; integer: boolean }> = {
  max_queue_size: integer(1),
  max_queue_bytes: integer(1),
  max_export_batch_size: integer(1),
  max_request_bytes: integer(1024, 64 << 20),
  scheduled_delay_ms: ms(0),
  export_timeout_ms: ms(1),
  flush_timeout_ms: ms(0),
  shutdown_timeout_ms: ms(0),
  retry_initial_ms: ms(1),
  retry_factor: { least: 1, most: 100, integer: false },
  retry_cap_ms: ms(1),
  retry_max_elapsed_ms: ms(0),
};

/** What must not be larger than what, with the core's defaults. */
const ORDER = [
  { lower: "max_export_batch_size", upper: "max_queue_size", defaults: [512, 2048] },
  { lower: "max_request_bytes", upper: "max_queue_bytes", defaults: [(4 << 20) - (64 << 10), 16 << 20] },
  { lower: "retry_initial_ms", upper: "retry_cap_ms", defaults: [1000, 30_000] },
] as const;

/** Checks the table `[otel.batch]`. */
export function batchOf(value: unknown): BatchSettings {
  if (value === undefined) return {};
  const table = asTable("otel.batch", value);
  checkKeys("otel.batch", table, Object.keys(BATCH));
  const batch: BatchSettings = {};
  for (const [name, { least, most, integer }] of Object.entries(BATCH)) {
    const number = table[name];
    if (number === undefined) continue;
    const fits = typeof number === "number" && number >= least && number <= most;
    if (!fits || (integer && !Number.isInteger(number))) {
      const what = integer ? "a whole number" : "a number";
      throw bad(`otel.batch.${name}`, `must be ${what} from ${least} to ${most}, not ${shown(number)}`);
    }
    batch[name as keyof BatchSettings] = number;
  }
  return batch;
}

/** Fits what was not given to what was, and checks that the given go together. */
export function ordered(batch: BatchSettings): BatchSettings {
  const worker = { ...batch };
  for (const { lower, upper, defaults } of ORDER) {
    const low = worker[lower];
    const up = worker[upper];
    if (low !== undefined && low > (up ?? defaults[1])) {
      if (up !== undefined) throw bad(`otel.batch.${lower}`, `${low} must not be larger than ${upper} (${up})`);
      worker[upper] = low;
    } else if (low === undefined && up !== undefined && up < defaults[0]) {
      worker[lower] = up;
    }
  }
  return worker;
}

function integer(least: number, most = 2 ** 31 - 1) {
  return { least, most, integer: true };
}

function ms(least: number) {
  return { least, most: WORKER_MAX_MS, integer: false };
}
