// Runs in a network namespace: sends requests with forged addresses and prints how often each status came. Argument: JSON of what to do.
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";

const { host, port, ca, name, headers, forged, count, seed } = JSON.parse(process.argv[2]);
const make = ca === undefined ? httpRequest : httpsRequest;
const statuses = {};

for (let n = 0; n < count; n += 10)
  await Promise.all(Array.from({ length: Math.min(10, count - n) }, (_, i) => one(n + i)));
process.stdout.write(JSON.stringify(statuses));

function one(n) {
  const address = `10.${seed}.${n >> 8}.${n & 255}`;
  const claims = forged.map((header) => [header, header === "Forwarded" ? `for=${address}` : address]);
  // One kind at a time, and every ninth time all of them together.
  const chosen = n % (claims.length + 1) === claims.length ? claims : [claims[n % claims.length]];
  return new Promise((resolve, reject) => {
    const request = make(
      {
        host,
        port,
        path: "/v1/models",
        agent: false,
        headers: { Host: name, ...headers, ...Object.fromEntries(chosen) },
        ...(ca === undefined ? {} : { ca, servername: name }),
      },
      (response) => {
        statuses[response.statusCode] = (statuses[response.statusCode] ?? 0) + 1;
        response.resume();
        response.on("end", resolve);
      },
    );
    request.on("error", reject);
    request.end();
  });
}
