#!/usr/bin/env node
import "./require-node.js";

// onnxruntime 1.30 on Linux writes a device id below ~/.cache and sends usage events to its maker unless this is set. It is read by
// native code, so it must be in the real environment of this process before the library is loaded, in whichever thread or child.
process.env["ORT_DISABLE_TELEMETRY"] = "1";

const { main } = await import("../dist/cli/main.js");
await main(process.argv.slice(2));
