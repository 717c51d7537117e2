// A worker whose windows take a fixed time. It begins with SIGUSR2.
const { openRedisJobs } = await import("../../dist/store/jobs/redis/open.js");
const store = await openRedisJobs(JSON.parse(process.env.JOB_PLACE));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const begun = new Promise((resolve) => process.once("SIGUSR2", resolve));
process.stdout.write("ready\n");
await begun;
const name = String(process.pid);
for (;;) {
  const turn = await store.claim(name, "model", 0);
  if (turn?.kind !== "claimed") {
    await pause(20);
    continue;
  }
  const audioS = Number(turn.job.params);
  // As the server does: what is kept is written while the next window is recognised.
  let kept = Promise.resolve({ shouldYield: false });
  for (let doneS = turn.job.doneS + 24; doneS <= audioS; doneS += 24) {
    await pause(Number(process.env.WINDOW_MS));
    const { shouldYield } = await kept;
    kept = store.commit(turn, { readings: ["w"], doneS, totalS: audioS });
    if (doneS === audioS) {
      await kept;
      await store.finish(turn, "{}", audioS);
    } else if (shouldYield) {
      await kept;
      await store.release(turn);
      break;
    }
  }
}
