/** Settings of `gigastt audit` for this installation. */
export const audit = {
  type: "object",
  title: "Audit",
  description: "Accepted findings of `gigastt audit`.",
  properties: {
    ignore: {
      type: "array",
      items: {
        type: "string",
        maxLength: 500,
        title: "Accepted finding",
        description: "RULE: reason. The rule may be followed by @FILE (with * and **) and until=YYYY-MM-DD.",
      },
      maxItems: 200,
      title: "Accepted findings",
      description:
        "The same as a comment `gigastt-audit ignore[ID] reason` in the file, for formats without comments. An entry without a reason has no effect.",
      default: [],
      examples: [
        ["GA-LIF-009: stopped by a script in the right order", "GA-XFF-001@old/*.conf until=2027-01-31: goes away"],
      ],
      "x-reload": "live",
    },
  },
} as const;
