import type { Facts } from "../../model/facts.ts";
import type { Front, FrontFact } from "../../model/fronts/front.ts";
import type { Hit } from "../../types.ts";

/** One hit for each fact of a kind, over all fronts to the server; the same setting speaks once. `effect` returns what follows, or undefined. */
export function* frontHits<K extends keyof Front>(
  facts: Facts,
  kind: K,
  effect: (fact: FactOf<K>) => string | undefined,
  more: (fact: FactOf<K>) => Pick<Hit, "severity"> = () => ({}),
): Generator<Hit> {
  const seen = new Set<string>();
  for (const front of facts.fronts) {
    // A list for every key that FactOf accepts.
    for (const fact of front[kind] as readonly FactOf<K>[]) {
      const text = effect(fact);
      const { span, what, fix }: FrontFact = fact;
      const place = `${span.source.path}\0${span.start}\0${what}`;
      if (text === undefined || seen.has(place)) continue;
      seen.add(place);
      yield {
        span,
        message: `${what}${text === "" ? "" : `: ${text}`}`,
        fix,
        related:
          span.start === front.span.start && span.source === front.span.source
            ? []
            : [{ span: front.span, message: `the way to the server through ${front.program}` }],
        ...more(fact),
      };
    }
  }
}

type FactOf<K extends keyof Front> = Front[K] extends readonly (infer F extends FrontFact)[] ? F : never;
