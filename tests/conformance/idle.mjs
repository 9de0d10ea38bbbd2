// SPDX-License-Identifier: Apache-2.0
// Measures what idle Socket.IO sessions on WebSocket cost the server in resident memory:
//   JB_CONFORMANCE_SERVER=build/dev/…/socketio_conformance_server node idle.mjs [sessions]
// Prints one JSON line. Needs `ulimit -n` above the number of sessions.
import { Server } from "./lib/server.mjs";
import { Endpoint, sleep } from "./lib/wire.mjs";

const count = Number(process.argv[2] ?? 10000);
const BATCH = 100;

const server = await Server.start({ "ping-interval": 25000, "ping-timeout": 20000, "connect-timeout": 10000 });
const endpoint = new Endpoint(server, "/socket.io/");

async function connect() {
  const frames = endpoint.webSocket(undefined, { perMessageDeflate: false });
  await frames.next(20000);
  frames.send("40");
  await frames.next(20000); // CONNECT
  await frames.next(20000); // "auth"
  frames.socket.on("message", (data) => String(data) === "2" && frames.send("3"));
  return frames;
}

await Promise.all(Array.from({ length: BATCH }, connect)); // warm up
await sleep(500);
const before = await server.memory();
const start = Date.now();
for (let i = 0; i < count; i += BATCH) {
  await Promise.all(Array.from({ length: Math.min(BATCH, count - i) }, connect));
}
const seconds = (Date.now() - start) / 1000;
await sleep(2000);
const bytes = (await server.memory()) - before;
console.log(
  JSON.stringify({
    sessions: count,
    bytesPerSession: Math.round(bytes / count),
    connectsPerSecond: Math.round(count / seconds),
  }),
);
await server.stop("SIGKILL");
process.exit(0);
