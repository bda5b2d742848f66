import { join } from "node:path";

const pages = ["main.html", "slim.html", "aggregate.html"];

export default {
  base: "./",
  build: { rollupOptions: { input: pages.map((page) => join(import.meta.dirname, page)) } },
};
