import { launchChromium } from "./lib/chromium.mjs";
import { readFileSync } from "node:fs";
const [out, width, ...files] = process.argv.slice(2);
const b = await launchChromium();
const p = await b.newPage({ viewport: { width: 1500, height: 600 } });
await p.setContent(
  `<body style="margin:4px;background:#888">${files.map((f) => `<img style="width:${width}px;margin:3px;vertical-align:top" src="data:image/png;base64,${readFileSync(f).toString("base64")}">`).join("")}`,
);
await p.screenshot({ path: out, fullPage: true });
await b.close();
