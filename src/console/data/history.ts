/** What can be undone: values from the oldest to the newest, and where we are. */
export interface History<T> {
  readonly past: readonly T[];
  readonly present: T;
  readonly future: readonly T[];
  /** Changes with the same key are one step: the letters of one paragraph while it is typed. */
  readonly key: string | undefined;
}

const STEPS = 200;

export function startHistory<T>(present: T): History<T> {
  return { past: [], present, future: [], key: undefined };
}

export function change<T>(history: History<T>, present: T, key?: string): History<T> {
  if (Object.is(present, history.present)) return history;
  const isSameStep = key !== undefined && key === history.key;
  const past = isSameStep ? history.past : [...history.past, history.present].slice(-STEPS);
  return { past, present, future: [], key };
}

export function undo<T>(history: History<T>): History<T> {
  const previous = history.past.at(-1);
  if (previous === undefined) return history;
  return {
    past: history.past.slice(0, -1),
    present: previous,
    future: [history.present, ...history.future],
    key: undefined,
  };
}

export function redo<T>(history: History<T>): History<T> {
  const [next, ...future] = history.future;
  if (next === undefined) return history;
  return { past: [...history.past, history.present], present: next, future, key: undefined };
}
