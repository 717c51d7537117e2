import { consoleFile } from "./files.ts";
import type { ConsoleFileName } from "./files.ts";

/** Returns the page. All addresses are relative, so that it works below any path of a proxy. */
export function pageHtml(nonce: string, version: string): string {
  const at = (name: ConsoleFileName): string => `console/${name}?v=${consoleFile(name).version}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>gigastt</title>
<link rel="icon" href="${at("icon.svg")}" type="image/svg+xml">
<link rel="manifest" href="${at("manifest.webmanifest")}" crossorigin="use-credentials">
<link rel="stylesheet" href="${at("style.css")}">
<link rel="stylesheet" href="${at("charts-style.css")}">
<script type="module" src="${at("app.js")}"></script>
</head>
<body data-nonce="${nonce}" data-worklet="${at("worklet.js")}" data-charts="${at("charts.js")}" data-offline="console/offline.js" data-version="${version}">
<noscript>This page needs JavaScript. The server also works without it: see the API reference.</noscript>
</body>
</html>
`;
}
