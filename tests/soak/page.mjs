// The load in a page.

import { makeClient } from "./client.mjs";

globalThis.client = await makeClient(() => import("/dist/index.js"));
