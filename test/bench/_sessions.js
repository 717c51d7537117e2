// Peak resident memory in MB of a process that recognises so many live streams at once: `node _sessions.js COUNT`.
import { demoEngine, recording, streamPcm, toPcm } from "./_lib.js";

const engine = await demoEngine("int8");
const pcm = toPcm(recording(1, { count: 10 }).samples);
let peak = 0;
const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 20);
await Promise.all(
  Array.from({ length: Number(process.argv[2]) }, () => streamPcm(engine, pcm, { frameMs: 100, speed: 4 })),
);
clearInterval(timer);
await engine.close();
console.log(peak / 1e6);
