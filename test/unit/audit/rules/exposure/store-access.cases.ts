import { type CasesOfRule, casesOf, COMPOSE } from "../../../../support/audit-case.ts";

const store = (lines: string): { readonly from: string; readonly to: string } => ({
  from: "  proxy:\n",
  to: `  store:\n${lines}    networks: [edge]\n  proxy:\n`,
});

export const cases: CasesOfRule = casesOf("GA-EXP-023", [
  { name: "Redis without a password", ...COMPOSE, ...store("    image: redis:7.4.2\n"), at: "store:" },
  {
    name: "Valkey on the network",
    ...COMPOSE,
    ...store(
      '    image: valkey/valkey:8.1.4\n    command: [valkey-server, /etc/valkey.conf]\n    ports: ["6379:6379"]\n',
    ),
    at: "6379:6379",
  },
  {
    name: "PostgreSQL with the password of an example",
    ...COMPOSE,
    ...store("    image: postgres:17.6\n    environment: {POSTGRES_PASSWORD: mysecretpassword}\n"),
    at: "mysecretpassword",
  },
  {
    name: "PostgreSQL without a password",
    ...COMPOSE,
    ...store("    image: postgres:17.6\n    environment:\n      - POSTGRES_HOST_AUTH_METHOD=trust\n"),
    at: "trust",
  },
  {
    name: "MinIO as it comes",
    ...COMPOSE,
    ...store("    image: quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z\n    command: server /data\n"),
    at: "store:",
  },
  {
    name: "MinIO with its known password",
    ...COMPOSE,
    ...store(
      "    image: minio/minio\n    environment: {MINIO_ROOT_USER: minioadmin, MINIO_ROOT_PASSWORD: minioadmin}\n",
    ),
    at: "MINIO_ROOT_PASSWORD",
  },
]);
