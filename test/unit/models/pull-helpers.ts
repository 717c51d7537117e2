import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  defaultPullTuning,
  type PullEvent,
  type PullOptions,
  pullModel,
  type PullTuning,
} from "../../../src/models/pull.ts";
import { type MadeModel, makeModel, temporaryDir } from "./helpers.ts";

/** Patience of milliseconds, so that faults are met quickly. */
export const quick: PullTuning = {
  retry: { attempts: 4, baseMs: 1, maxMs: 5, maxRetryAfterMs: 2000, progressBytes: 1 << 20 },
  stallMs: 5000,
  connectTimeoutMs: 5000,
  spaceMarginBytes: 0,
};

export interface Pulled {
  readonly model: MadeModel;
  readonly baseDir: string;
  readonly dir: string;
  readonly events: PullEvent[];
  pull(options: Partial<PullOptions>): Promise<void>;
  /** Text of the error that a pull ends with. */
  failure(options: Partial<PullOptions>): Promise<string>;
  /** True when every int8 file is in place with the right bytes and no part or lock is left. */
  isClean(): boolean;
  part(name: string): string;
}

/** A made-up model and an empty models' folder. */
export function emptyInstallation(encoderBytes?: number): Pulled {
  const model = makeModel(undefined, encoderBytes);
  const baseDir = temporaryDir();
  const dir = join(baseDir, model.entry.id);
  const events: PullEvent[] = [];
  const pull = (options: Partial<PullOptions>): Promise<void> =>
    pullModel({
      entry: model.entry,
      precision: "int8",
      baseDir,
      cwd: baseDir,
      offline: false,
      env: {},
      signal: new AbortController().signal,
      onEvent: (event) => events.push(event),
      tuning: quick,
      ...options,
    });
  return {
    model,
    baseDir,
    dir,
    events,
    pull,
    failure: (options) =>
      pull(options).then(
        () => "it did not fail",
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      ),
    isClean: () =>
      [...model.content].every(([name, bytes]) => {
        const path = join(dir, name);
        const wanted = name.includes(".int8.") || name.endsWith(".txt");
        const right = wanted ? existsSync(path) && readFileSync(path).equals(bytes) : !existsSync(path);
        return right && !existsSync(`${path}.part`) && !existsSync(`${path}.part.json`);
      }) && !existsSync(join(dir, ".gigastt-pull.lock")),
    part: (name) => join(dir, `${name}.part`),
  };
}

export { defaultPullTuning };
