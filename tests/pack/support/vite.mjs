// Vite's development server.

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);

/** Serves the app in `root` by `vite-7` or `vite-8`; resolves to its URL. Ends with the test `t`. */
export async function serveByVite(t, version, root, settings = {}) {
  const { createServer } = await import(pathToFileURL(require.resolve(version)));
  const server = await createServer({
    // Else it is that of the nearest package.json, which all apps have in common.
    root, cacheDir: join(root, ".vite"), server: { host: "127.0.0.1", port: 0 }, logLevel: "warn", ...settings,
  });
  t.after(() => server.close());
  await server.listen();
  return server.resolvedUrls.local[0];
}
