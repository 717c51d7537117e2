/** What `resolveSection` makes of a section: `…Ms` and `…Bytes` where a leaf has a unit, undefined where it may be null. */
export type Resolved<Section extends { readonly properties: unknown }> = ResolvedNode<Section>;

type ResolvedNode<N> = N extends { readonly properties: infer P }
  ? { readonly [K in keyof P & string as `${K}${UnitSuffix<P[K]>}`]: ResolvedNode<P[K]> }
  : N extends { readonly additionalProperties: infer V }
    ? Readonly<Record<string, ResolvedNode<V>>>
    : N extends { readonly type: "array"; readonly items: infer I }
      ? readonly ResolvedNode<I>[]
      : N extends { readonly type: readonly [infer T, "null"] }
        ? Scalar<N, T> | undefined
        : N extends { readonly type: infer T }
          ? Scalar<N, T>
          : never;

type UnitSuffix<N> = N extends { readonly "x-unit": "duration" }
  ? "Ms"
  : N extends { readonly "x-unit": "bytes" }
    ? "Bytes"
    : N extends { readonly type: "array"; readonly items: infer I }
      ? UnitSuffix<I>
      : "";

type Scalar<N, T> = N extends { readonly "x-unit": string }
  ? number
  : N extends { readonly enum: readonly (infer E)[] }
    ? E
    : T extends "string"
      ? string
      : T extends "integer" | "number"
        ? number | (N extends { readonly "x-auto": true } ? "auto" : never)
        : boolean;
