/** One line at the bottom of a terminal that is overwritten; nothing at all elsewhere. */
export interface StatusLine {
  show(text: string): void;
  clear(): void;
}

export function createStatusLine(stream: {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}): StatusLine {
  if (stream.isTTY !== true) return { show: () => undefined, clear: () => undefined };
  let visible = false;
  return {
    show: (text) => {
      const columns = Math.max(10, (stream.columns || 80) - 1);
      stream.write(`\r\u001B[K${text.length <= columns ? text : `…${text.slice(1 - columns)}`}`);
      visible = true;
    },
    clear: () => {
      if (visible) stream.write("\r\u001B[K");
      visible = false;
    },
  };
}
