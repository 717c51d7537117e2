/** One answer of a raw HTTP/1.1 stream. */
export interface StreamAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Takes a server's byte stream apart, answer by answer.
 *
 * @param bodiless whether the answer with this index has no body whatever its headers say (HEAD)
 * @returns the complete answers and the bytes behind the last of them; interim 100 answers are left out
 */
export function parseAnswers(
  text: string,
  bodiless: (index: number) => boolean,
): { answers: StreamAnswer[]; rest: string } {
  const answers: StreamAnswer[] = [];
  let at = 0;
  for (;;) {
    const end = text.indexOf("\r\n\r\n", at);
    const found = /^HTTP\/1\.1 (\d{3}) [^\r\n]*/.exec(text.slice(at, at + 100));
    if (end === -1 || found === null) break;
    const status = Number(found[1]);
    const start = end + 4;
    const headers = Object.fromEntries(
      text
        .slice(at, end)
        .split("\r\n")
        .slice(1)
        .map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
    );
    if (status === 100) {
      at = start;
      continue;
    }
    const hasBody = status !== 101 && status !== 204 && !bodiless(answers.length);
    const body = hasBody ? takeBody(text, start, headers) : { text: "", end: start };
    if (body === undefined) break;
    answers.push({ status, headers, body: body.text });
    at = body.end;
    if (status === 101) break;
  }
  return { answers, rest: text.slice(at) };
}

function takeBody(
  text: string,
  start: number,
  headers: Readonly<Record<string, string>>,
): { text: string; end: number } | undefined {
  if (headers["transfer-encoding"] !== "chunked") {
    const end = start + Number(headers["content-length"] ?? 0);
    return end > text.length ? undefined : { text: text.slice(start, end), end };
  }
  let body = "";
  for (let at = start; ;) {
    const line = text.indexOf("\r\n", at);
    if (line === -1) return undefined;
    const size = Number.parseInt(text.slice(at, line), 16);
    const end = line + 2 + size + 2;
    if (!(size >= 0) || end > text.length) return undefined;
    if (size === 0) return { text: body, end };
    body += text.slice(line + 2, end - 2);
    at = end;
  }
}
