/** The machine as the checks see it; tests put another one in its place. */
export interface Machine {
  readonly platform: string;
  readonly arch: string;
  readonly nodeVersion: string;
  readonly uid: number | undefined;
  readonly machine: { readonly cores: number; readonly memoryBytes: number };
  /** glibc version of this process; undefined on musl and outside Linux. */
  readonly glibcVersion: string | undefined;
  nowMs(): number;
  /** Text of a file; undefined when it cannot be read. */
  readText(path: string): string | undefined;
  /** Names in a folder; empty when it cannot be read. */
  list(path: string): readonly string[];
  readLink(path: string): string | undefined;
  availableMemoryBytes(): Promise<number>;
  /** Free bytes for an ordinary user on the disk of the nearest existing folder. */
  freeBytes(path: string): Promise<number | undefined>;
  /** Mode, owner and kind, or the error's code. */
  stat(path: string): FileStat | { readonly code: string };
  /** Error code of creating a file in the folder, undefined when it works. The file is removed. */
  tryWrite(dir: string): Promise<string | undefined>;
  /** Standard output of a program, or one sentence why there is none. Bounded in time and size. */
  run(program: string, args: readonly string[]): Promise<{ readonly stdout: string } | { readonly problem: string }>;
}

export interface FileStat {
  readonly isDirectory: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly mtimeMs: number;
}

/** What the collector of `audit host` reads. */
export type HostMachine = Pick<
  Machine,
  "platform" | "readText" | "list" | "readLink" | "stat" | "run" | "nowMs" | "availableMemoryBytes"
>;
