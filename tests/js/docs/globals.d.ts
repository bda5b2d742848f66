// What tests/js/docs/prelude.mjs gives to the blocks.
import type * as strict from "node:assert/strict";

declare global {
  const assert: typeof strict.default;
  const printed: string;
}
