import type { JobStore } from "./types.ts";

/** What the thread is started with. */
export interface StoreThreadData {
  readonly file: string;
}

export interface StoreCall {
  readonly id: number;
  readonly method: keyof JobStore;
  readonly args: readonly unknown[];
}

export type StoreAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly code: string | undefined; readonly message: string } };
