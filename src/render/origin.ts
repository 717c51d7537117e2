/** The list with the public origin in it, once. */
export function withPublicOrigin(origins: readonly string[], publicOrigin: string | undefined): readonly string[] {
  if (publicOrigin === undefined || origins.includes(publicOrigin)) return origins;
  return [...origins, publicOrigin];
}
