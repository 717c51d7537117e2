export interface HostFacts {
  readonly todo?: never;
}
