/** What the keys of the live view have set. */
export interface KeyState {
  /** Lines below this level are not shown. */
  readonly level: string;
  /** Only lines with this text are shown. */
  readonly filter: string;
  /** The filter is being typed. */
  readonly isTyping: boolean;
}

export type KeyAction = "stop" | "reload" | "restart" | "open";

export const FIRST_KEYS: KeyState = { level: "info", filter: "", isTyping: false };

const SHOWN_LEVELS = ["info", "warn", "error", "debug"];
const LONGEST_FILTER = 60;
/** The same keys on a Russian keyboard. */
const LATIN: Readonly<Record<string, string>> = { к: "r", К: "R", д: "l", а: "f", щ: "o", й: "q" };
/** Arrows, function keys, pasted-text marks: nothing here uses them. */
// oxlint-disable-next-line no-control-regex -- key sequences begin with a control character
const SEQUENCES = /\u001b(?:\[[\d;?<=>]*[ -/]*[@-~]|O.)/gu;

/** Returns what the typed characters change and ask for. */
export function pressKeys(
  state: KeyState,
  typed: string,
): { readonly state: KeyState; readonly actions: readonly KeyAction[] } {
  let now = state;
  const actions: KeyAction[] = [];
  for (const key of typed.replace(SEQUENCES, "")) {
    if (key === "\u0003") actions.push("stop");
    else if (now.isTyping) now = typeFilter(now, key);
    else {
      const [next, action] = pressKey(now, LATIN[key] ?? key);
      now = next;
      if (action !== undefined) actions.push(action);
    }
  }
  return { state: now, actions };
}

function pressKey(state: KeyState, key: string): readonly [KeyState, KeyAction?] {
  switch (key) {
    case "q":
      return [state, "stop"];
    case "r":
      return [state, "reload"];
    case "R":
      return [state, "restart"];
    case "o":
      return [state, "open"];
    case "l":
      return [{ ...state, level: SHOWN_LEVELS[(SHOWN_LEVELS.indexOf(state.level) + 1) % SHOWN_LEVELS.length]! }]; // in range
    case "f":
      return [{ ...state, filter: "", isTyping: true }];
    default:
      return [state];
  }
}

function typeFilter(state: KeyState, key: string): KeyState {
  if (key === "\r" || key === "\n") return { ...state, isTyping: false };
  if (key === "\u001b") return { ...state, filter: "", isTyping: false };
  if (key === "\u007f" || key === "\b") return { ...state, filter: Array.from(state.filter).slice(0, -1).join("") };
  if (key === "\u0015") return { ...state, filter: "" };
  if (/\p{Cc}/u.test(key) || state.filter.length >= LONGEST_FILTER) return state;
  return { ...state, filter: state.filter + key };
}
