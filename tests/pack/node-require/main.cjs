const { aggregate } = require("streamgauge");

async function run(url) {
  for await (const event of aggregate(await fetch(url))) console.log(JSON.stringify(event));
}

run(process.argv[2]);
