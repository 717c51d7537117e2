import type { Random } from "./mutate.ts";

/** A folder with a proxy in front of the server and of another application, as somebody may have written it. */
export interface RandomTree {
  /** The main file, and the others beside it. */
  readonly main: string;
  readonly files: Readonly<Record<string, string>>;
}

interface Ports {
  readonly listen: number;
  readonly other: number;
}

const HEADER_LINES = [
  "proxy_set_header Host $host;",
  "proxy_set_header X-Real-IP $remote_addr;",
  "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
  "proxy_set_header X-Forwarded-For $http_x_real_ip;",
  "proxy_set_header X-Forwarded-Proto $scheme;",
  "proxy_set_header Upgrade $http_upgrade;",
  'proxy_set_header Connection "upgrade";',
  "proxy_set_header Connection $upgrading;",
];
const PASS_LINES = [
  "proxy_http_version 1.1;",
  "proxy_read_timeout 60s;",
  "proxy_read_timeout 20;",
  "proxy_send_timeout 90s;",
  "proxy_buffering off;",
  "proxy_request_buffering off;",
  "proxy_ignore_headers X-Accel-Buffering;",
  "proxy_connect_timeout 75s;",
  "client_max_body_size 10m;",
  "client_max_body_size 0;",
  "gzip off;",
  "add_header Cache-Control no-store;",
  "limit_req zone=rps burst=5;",
];
const LEVEL_LINES = [
  "client_max_body_size 1m;",
  "client_header_timeout 5m;",
  "client_body_timeout 10m;",
  "gzip on; gzip_types *; gzip_min_length 0; gzip_proxied any;",
  "proxy_read_timeout 30s;",
  "add_header X-Frame-Options SAMEORIGIN;",
  'add_header Strict-Transport-Security "max-age=60";',
  "server_tokens on;",
  "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
  "proxy_hide_header X-Hidden;",
  "keepalive_timeout 75s;",
  "error_page 404 /404.html;",
];

/** Returns a tree of nginx that its program takes. */
export function randomNginx(random: Random, { listen, other }: Ports): RandomTree {
  const some = (lines: readonly string[], most: number): readonly string[] => pickSome(random, lines, most);
  const include = random.next() < 0.4;
  const own = (): string =>
    [
      ...some(HEADER_LINES, 4),
      ...some(PASS_LINES, 4),
      ...(include && random.next() < 0.5 ? ["include proxy.inc;"] : []),
    ].join("\n      ");
  const stt = (slash: string): string =>
    random.pick([
      `proxy_pass http://127.0.0.1:9876${slash};`,
      `proxy_pass http://gigastt${slash};`,
      `set $up 127.0.0.1:9876; proxy_pass http://$up${slash === "" ? "" : "$request_uri"};`,
    ]);
  const ours = random.pick([
    () => `location /v1/ { ${own()}\n      ${stt("")} }`,
    () => `location /stt/ { ${own()}\n      proxy_pass http://127.0.0.1:9876/; }`,
    () =>
      `location = /v1/ws { ${own()}\n ${stt("")} }\n    location ~ ^/v1/(transcribe|models) { ${own()}\n ${stt("")} }`,
    () => `location ^~ /speech/ { rewrite ^/speech(/.*)$ $1 break; ${own()}\n proxy_pass http://127.0.0.1:9876; }`,
    () =>
      `location /v1/ws { ${own()}\n ${stt("")} }\n    location /v1/transcribe { ${own()}\n ${stt("")}\n location /v1/transcribe/stream { ${stt("")} } }`,
  ])();
  const foreign = random.pick([
    () => `location / { ${some(HEADER_LINES, 3).join(" ")} proxy_pass http://127.0.0.1:${other}; }`,
    () => "location / { root www; try_files $uri /index.html; }",
    () => `location / { ${include ? "include proxy.inc; " : ""}proxy_pass http://other; }`,
    () =>
      `location /app/ { ${some(PASS_LINES, 2).join(" ")} proxy_pass http://127.0.0.1:${other}; }\n    location / { return 404; }`,
  ])();
  const second = random.pick([
    "",
    `server { listen 127.0.0.1:${listen}; server_name second.test; ${some(LEVEL_LINES, 2).join(" ")} location / { ${include ? "include proxy.inc; " : ""}proxy_pass http://127.0.0.1:${other}; } }`,
    `server { listen 127.0.0.1:${listen} default_server; server_name _; location / { proxy_pass http://127.0.0.1:${other}; } }`,
  ]);
  const site = `server {\n    listen 127.0.0.1:${listen};\n    server_name first.test;\n    ${some(LEVEL_LINES, 3).join("\n    ")}\n    ${shuffled(random, [ours, foreign]).join("\n    ")}\n  }`;
  const apart = random.next() < 0.3;
  const http = `access_log off;\n  map $http_upgrade $upgrading { default upgrade; '' ${random.pick(["''", "close"])}; }\n  limit_req_zone $binary_remote_addr zone=rps:1m rate=100r/s;\n  upstream gigastt { server 127.0.0.1:9876;${random.pick(["", " keepalive 8;", " keepalive 8; keepalive_timeout 75s;"])} }\n  upstream other { server 127.0.0.1:${other}; }\n  ${some(LEVEL_LINES, 3).join("\n  ")}`;
  const servers = shuffled(random, [site, second]).join("\n  ");
  const text = `worker_processes 1;\nevents { worker_connections ${random.pick([64, 512])}; }\nhttp {\n  ${http}\n  ${apart ? "include sites/*.conf;" : servers}\n}\n`;
  return {
    main: "nginx.conf",
    files: {
      "nginx.conf": reformatted(random, text, "#"),
      ...(apart ? { "sites/all.conf": reformatted(random, `${servers}\n`, "#") } : {}),
      "proxy.inc": `${some(HEADER_LINES, 4).join("\n")}\n`,
      "www/index.html": "page",
    },
  };
}

const CADDY_PROXY = [
  "header_up X-Forwarded-For {header.CF-Connecting-IP}",
  "header_up X-Real-IP {remote_host}",
  "header_up Host {host}",
  "flush_interval -1",
  "lb_try_duration 1s",
  "transport http {\n\t\t\tresponse_header_timeout 30s\n\t\t}",
  "transport http {\n\t\t\tkeepalive 2m\n\t\t}",
];
const CADDY_SITE = [
  "encode gzip",
  "encode zstd gzip",
  "header X-Frame-Options SAMEORIGIN",
  "header /app/* Cache-Control no-store",
  "request_body {\n\t\tmax_size 1MB\n\t}",
  "log",
  "@slow path /app/*",
];

/** Returns a Caddyfile that Caddy takes, with what it imports. */
export function randomCaddy(random: Random, { listen, other }: Ports): RandomTree {
  const some = (lines: readonly string[], most: number): readonly string[] => pickSome(random, lines, most);
  const proxy = (to: string): string => {
    const lines = some(CADDY_PROXY.slice(0, -2), 3).concat(some(CADDY_PROXY.slice(-2), 1));
    return lines.length === 0 ? `reverse_proxy ${to}` : `reverse_proxy ${to} {\n\t\t${lines.join("\n\t\t")}\n\t}`;
  };
  const stt = "127.0.0.1:9876";
  const its = `127.0.0.1:${other}`;
  const snippet = random.next() < 0.4;
  const shared = snippet ? "import common\n\t" : "";
  const body = random.pick([
    () => `reverse_proxy /v1/* ${stt}\n\treverse_proxy ${its}`,
    () => `handle_path /stt/* {\n\t${proxy(stt)}\n\t}\n\thandle {\n\t${proxy(its)}\n\t}`,
    () =>
      `handle /v1/* {\n\t${proxy(stt)}\n\t}\n\thandle {\n\t\troot * www\n\t\ttry_files {path} /index.html\n\t\tfile_server\n\t}`,
    () => `@api path /v1/ws /v1/transcribe*\n\t${proxy(`@api ${stt}`)}\n\treverse_proxy ${its}`,
    () => `route {\n\t\treverse_proxy /v1/* ${stt}\n\t\treverse_proxy ${its}\n\t}`,
  ])();
  const second = random.pick(["", `http://second.test:${listen} {\n\t${shared}${proxy(its)}\n}\n`]);
  const options = random.pick([
    "",
    "{\n\tgrace_period 5s\n}\n",
    "{\n\tservers {\n\t\ttimeouts {\n\t\t\tread_header 10m\n\t\t}\n\t}\n}\n",
  ]);
  const first = `http://first.test:${listen} {\n\t${shared}${some(CADDY_SITE.slice(snippet ? 2 : 0), 3).join("\n\t")}\n\t${body}\n}\n`;
  const common = snippet ? `(common) {\n\t${some(CADDY_SITE.slice(0, 3), 2).join("\n\t")}\n}\n` : "";
  return {
    main: "Caddyfile",
    files: {
      Caddyfile: reformatted(random, `${options}${common}${shuffled(random, [first, second]).join("\n")}`, "#"),
      "www/index.html": "page",
    },
  };
}

// ---

function pickSome(random: Random, lines: readonly string[], most: number): readonly string[] {
  const left = [...lines];
  const out: string[] = [];
  for (let count = random.below(most + 1); count > 0; count -= 1) {
    const [line = ""] = left.splice(random.below(left.length), 1);
    // A directive may stand once at a level, a header once in a list.
    const name = nameOf(line);
    if (out.every((other) => nameOf(other) !== name)) out.push(line);
  }
  return out;
}

function nameOf(line: string): string {
  return /^(?:proxy_set_header|header_up|add_header) \S+|^\S+/.exec(line)?.[0] ?? "";
}

function shuffled<T>(random: Random, list: readonly T[]): readonly T[] {
  return random.next() < 0.5 ? list : [...list].reverse();
}

/** Changes nothing that a program reads: comments, blank lines, tabs, Windows' line ends. */
function reformatted(random: Random, text: string, comment: string): string {
  const lines = text.split("\n").flatMap((line) => {
    const roll = random.next();
    if (roll < 0.05)
      return [
        `${comment} ${random.pick(["}", "TODO {", "proxy_pass http://127.0.0.1:9876;", "reverse_proxy 127.0.0.1:9876"])}`,
        line,
      ];
    return roll < 0.08 ? ["", line] : [line];
  });
  return lines.join(random.next() < 0.1 ? "\r\n" : "\n");
}
