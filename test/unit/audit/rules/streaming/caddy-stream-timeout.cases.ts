import { type CasesOfRule, casesOf, CADDY } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-006", [
  {
    name: "stream timeout",
    ...CADDY,
    from: "stream_close_delay 3615s\n\t\t\ttransport http {\n\t\t\t\tkeepalive 30s\n\t\t\t}\n\t\t}\n\t}\n}",
    to: "stream_close_delay 3615s\n\t\t\tstream_timeout 10m\n\t\t\ttransport http {\n\t\t\t\tkeepalive 30s\n\t\t\t}\n\t\t}\n\t}\n}",
    at: "stream_timeout",
  },
  { name: "write timeout", ...CADDY, from: "read_header 15s", to: "write 60s", at: "write" },
  {
    name: "header timeout of the transport",
    ...CADDY,
    from: "\t\t\t\tkeepalive 30s\n\t\t\t}\n\t\t}\n\t}\n}",
    to: "\t\t\t\tkeepalive 30s\n\t\t\t\tresponse_header_timeout 30s\n\t\t\t}\n\t\t}\n\t}\n}",
    at: "response_header_timeout",
  },
]);
