/** Reads the microphone. */
export const PLACEHOLDER = 0;
