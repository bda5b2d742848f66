export default {
  mode: "production",
  entry: { main: "./main.js", slim: "./slim.js", aggregate: "./aggregate.js" },
  performance: { hints: false },
};
