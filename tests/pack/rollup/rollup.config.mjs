import { nodeResolve } from "@rollup/plugin-node-resolve";

export default {
  input: ["main.js", "slim.js", "aggregate.js"],
  output: { dir: "dist", format: "es" },
  plugins: [nodeResolve({ browser: true })],
  onwarn(warning, warn) {
    const isOfSmolToml = warning.code === "CIRCULAR_DEPENDENCY" && warning.ids.every((id) => id.includes("smol-toml"));
    if (!isOfSmolToml) warn(warning);
  },
};
