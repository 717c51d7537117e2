import { GigasttError } from "../../shared/errors.ts";

/** Token pieces of a model, without the blank. */
export interface Vocabulary {
  readonly pieces: readonly string[];
  /** Id of the blank: the number of pieces. */
  readonly blank: number;
  /** Ids whose text is never shown: `<unk>` and other bracketed specials. */
  readonly hidden: ReadonlySet<number>;
}

/** Parses `piece id` lines (space or tab separated, any order, `<blk>` last). */
export function parseVocabulary(text: string): Vocabulary {
  const pieces: string[] = [];
  let blank: number | undefined;
  let lineNumber = 0;
  for (const line of text.split(/\r?\n/)) {
    lineNumber++;
    if (line === "") continue;
    const match = /^(.+)[ \t](\d+)$/.exec(line);
    if (!match) throw broken(`line ${lineNumber} is not "piece id"`);
    const piece = match[1]!;
    const id = Number(match[2]);
    if (piece === "<blk>" || piece === "<blank>") blank = id;
    else if (pieces[id] !== undefined) throw broken(`line ${lineNumber} gives id ${id} a second piece`);
    else pieces[id] = piece;
  }
  if (pieces.length === 0) throw broken("it has no pieces");
  for (let id = 0; id < pieces.length; id++) if (pieces[id] === undefined) throw broken(`id ${id} has no piece`);
  if (blank !== undefined && blank !== pieces.length) {
    throw broken(`the blank must come after the ${pieces.length} pieces, it has id ${blank}`);
  }
  return createVocabulary(pieces);
}

/** A vocabulary of pieces in id order. */
export function createVocabulary(pieces: readonly string[]): Vocabulary {
  const hidden = new Set<number>();
  for (let id = 0; id < pieces.length; id++) if (/^<(unk|s|\/s|pad)>$/.test(pieces[id]!)) hidden.add(id);
  return { pieces, blank: pieces.length, hidden };
}

function broken(what: string): GigasttError {
  return new GigasttError(
    "GST_MODEL_VOCABULARY",
    `the model's vocabulary file cannot be used: ${what}. Run \`gigastt models verify\`.`,
  );
}
