import { BaseSequencer } from "vitest/node";
import type { TestSpecification } from "vitest/node";

/** Minutes each: begun last, one of them runs alone at the end. A fresh checkout has no timings to sort by. */
const SLOW = [
  "test/system/docker.test.ts",
  "test/system/checks/breakages.test.ts",
  "test/contract/proxy/verify.test.ts",
  "test/system/clock-set.test.ts",
  "test/e2e/runtime/hostile.long.test.ts",
  "test/e2e/runtime/serve.test.ts",
  "test/contract/jobs.test.ts",
];

/** vitest's own order, with the slowest files in front. */
export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ moduleId }: TestSpecification): number => {
      const at = SLOW.findIndex((name) => moduleId.endsWith(name));
      return at === -1 ? SLOW.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}
