import { readdirSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;

/** Memory held after a full collection: heap and buffers outside it, in bytes. */
export async function heldBytes(): Promise<number> {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void; // what the flag just exposed
  }
  // Sockets and streams let go of their buffers over a few turns of the loop.
  for (let turn = 0; turn < 3; turn++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Files and sockets that this process has open. */
export function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}
