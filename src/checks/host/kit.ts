/** What usually listens there, and must not be open to a network. */
export const INNER_PORTS: Readonly<Record<number, string>> = {
  2019: "Caddy's admin API",
  2375: "the Docker API without TLS",
  6379: "Redis",
};
