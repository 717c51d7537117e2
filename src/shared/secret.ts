/** A value that prints as `[REDACTED]` everywhere: string conversion, JSON, templates; `console.log` shows nothing of it because the field is private. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Call it only where it is used, never to print it. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "[REDACTED]";
  }

  toJSON(): string {
    return "[REDACTED]";
  }
}
