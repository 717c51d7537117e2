import type { FrontEnd } from "../../models/manifest.ts";
import type { Tokens } from "../acoustic/words.ts";
import type { Vocabulary } from "../acoustic/vocabulary.ts";
import { bestPath, type SoundState } from "./best-path.ts";
import { ANY_SOUND, fit, PAUSE, soundsOf } from "./letter-sounds.ts";
import { observe, STEP_FRAMES } from "./observe.ts";

/** A window and what was recognised in it. */
export interface Recognised {
  /** [melBins, frames], 10 ms a frame. */
  readonly features: Float32Array;
  readonly melBins: number;
  readonly frames: number;
  readonly tokens: Tokens;
  /** Encoder frames of the window. */
  readonly encodedFrames: number;
}

/**
 * When each token was said: first frame and frame after the last, two numbers a token. A token without a sound has the place between its
 * neighbours. Undefined when the text does not fit into the window.
 *
 * The model says which words, not when: it writes a word as soon as it is sure of it, often half a second from where it sounds. Here the
 * letters are laid along the sound itself; where the model wrote them only limits and guides that (ADR 0042).
 *
 * @param observed of the same window, where it was made before
 */
export function alignTokens(
  recognised: Recognised,
  { pieces, hidden }: Vocabulary,
  observed: Float64Array | undefined = undefined,
): Int32Array | undefined {
  const { features, melBins, frames, tokens, encodedFrames } = recognised;
  const steps = Math.floor(frames / STEP_FRAMES);
  const stepsPerFrame = steps / Math.max(1, encodedFrames);
  const states: SoundState[] = [pauseState(steps)];
  /** State with which each token begins, and the one after its last. */
  const firstOf: number[] = [];
  const endOf: number[] = [];
  for (const [k, id] of tokens.ids.entries()) {
    const piece = hidden.has(id) ? "" : (pieces[id] ?? "");
    const written = Math.round(tokens.frames[k]! * stepsPerFrame);
    const band = { first: Math.max(0, written - BAND_STEPS), last: Math.min(steps - 1, written + BAND_STEPS) };
    const next = pieces[tokens.ids[k + 1] ?? -1];
    if (piece.startsWith("▁") && states.length > 1) states.push(pauseState(steps));
    firstOf.push(states.length);
    const sounds = soundsOf(piece);
    // A word of signs alone takes time, too.
    const isWhole = piece.startsWith("▁") && piece.length > 1 && (next === undefined || next.startsWith("▁"));
    for (const [n, sound] of (sounds.length === 0 && isWhole ? [ANY_SOUND] : sounds).entries())
      states.push({ sound, isOptional: false, ...band, expected: n === 0 ? written : undefined });
    endOf.push(states.length);
  }
  if (states.length === 1) return undefined;
  states.push(pauseState(steps));
  joinBands(states);
  const sounding = observed ?? observe(features, melBins, frames);
  const begins = bestPath(states, steps, (sound, step) => fit(sound, sounding, step), strayCost);
  if (begins === undefined) return undefined;
  const spans = new Int32Array(2 * tokens.ids.length);
  for (const k of tokens.ids.keys()) {
    // A piece of ▁ alone lies where the next one begins.
    spans[2 * k] = begins[firstOf[k]!]! * STEP_FRAMES;
    spans[2 * k + 1] = begins[endOf[k]!]! * STEP_FRAMES;
  }
  return spans;
}

/** Whether the sounds were learned from such features. */
export function knowsFrontEnd({ melBins, sampleRateHz, hopSamples }: FrontEnd): boolean {
  return melBins === 64 && sampleRateHz === 16_000 && hopSamples === 160;
}

// ---

/** How far from where the model wrote it a sound is looked for: 1.2 s. */
const BAND_STEPS = 60;
const STRAY_FREE_STEPS = 4;
const STRAY_COST = 0.5;
const MOST_STRAY_COST = 15;

function strayCost(distance: number): number {
  return Math.min(MOST_STRAY_COST, STRAY_COST * Math.max(0, distance - STRAY_FREE_STEPS));
}

function pauseState(steps: number): SoundState {
  return { sound: PAUSE, isOptional: true, first: 0, last: steps - 1, expected: undefined };
}

/** Pauses reach from the sound before to the one after, and no step is left between two bands. */
function joinBands(states: SoundState[]): void {
  for (let at = 1; at < states.length; at++) {
    const state = states[at]!;
    const { first } = states[at - 1]!;
    states[at] = { ...state, first: state.sound === PAUSE ? first : Math.max(first, state.first) };
  }
  for (let at = states.length - 2; at >= 0; at--) {
    const state = states[at]!;
    const next = states[at + 1]!;
    const last = state.sound === PAUSE ? next.last : Math.min(next.last, Math.max(state.last, next.first));
    states[at] = { ...state, last };
  }
}
