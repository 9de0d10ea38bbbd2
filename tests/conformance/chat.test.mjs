// SPDX-License-Identifier: Apache-2.0
// docs/protocol.md section 3 with a translation service that is slow, or hangs: chat arrives in the order in which
// it was written, translated where a translation came in time. And with one that comes late.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, it } from "node:test";

import { freePort, Gateway, person, until } from "./lib/gateway.mjs";

let server;
let translation;
const held = new Map(); // text → answers the request
const fakeTranslation = () =>
  createServer(async (request, response) => {
    if (request.url === "/health") {
      const health = { status: "healthy", backend: "fake", instance: "1", pairs: [{ from: "en", to: "es" }] };
      return response.end(JSON.stringify(health));
    }
    let body = "";
    for await (const piece of request) body += piece;
    const { text, source, target } = JSON.parse(body);
    const answer = () => response.end(JSON.stringify({ text: `(${text})`, source, target, cached: false, ms: 1 }));
    if (text.startsWith("slow")) held.set(text, answer);
    else answer();
  });
before(async () => {
  translation = fakeTranslation();
  await new Promise((resolve) => translation.listen(0, "127.0.0.1", resolve));
  server = await Gateway.start("gateway", { "translation.url": `http://127.0.0.1:${translation.address().port}` });
  await until("the service is known", async () => (await server.get("/api/v1/languages")).body.translation.length > 0);
});
after(async () => {
  await server.nothingLeft();
  await server.stop();
  translation.closeAllConnections();
  translation.close();
});

it("refuses what one client writes faster than it can be read, and sends the rest", async () => {
  const room = await server.makeRoom();
  const [ann, bea] = [await server.joined(room), await server.joined(room, person("Bea", "es"))];
  const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => ann.ask("chat", { text: `line ${i}` })));
  const refused = answers.filter(({ ok }) => !ok);
  assert.ok(refused.length > 10 && refused.length <= 30, `${refused.length} refused`);
  for (const { error } of refused) assert.equal(error.code, "too_many_requests");
  await bea.done("chat", { text: "my turn" }); // each has a rate of their own
  await until("the rest is there", () => shown(bea).length === 40 - refused.length + 1);
  [ann, bea].forEach((client) => client.disconnect());
});

const shown = (client) => client.named("chatMessage").map(({ text, translations }) => [text, translations.es]);

it("keeps the order when the first message is translated last", async () => {
  const room = await server.makeRoom();
  const [ann, bea] = [await server.joined(room), await server.joined(room, person("Bea", "es"))];
  for (const text of ["slow one", "two", "three"]) await ann.done("chat", { text });
  (await until("it is asked for", () => held.get("slow one")))();
  await until("all are there", () => shown(bea).length === 3);
  assert.deepEqual(shown(bea), [["slow one", "(slow one)"], ["two", "(two)"], ["three", "(three)"]]);
  assert.deepEqual(shown(ann), shown(bea));
  [ann, bea].forEach((client) => client.disconnect());
});

it("sends a message as it is when its translation does not come, and after its author has left", async () => {
  const room = await server.makeRoom();
  const [ann, bea] = [await server.joined(room), await server.joined(room, person("Bea", "es"))];
  await ann.done("chat", { text: "slow for ever" });
  await ann.done("leave");
  await until("it is there", () => shown(bea).length === 1);
  assert.deepEqual(shown(bea), [["slow for ever", undefined]]);
  [ann, bea].forEach((client) => client.disconnect());
});

it("names languages anew for those who joined before the service was there", async () => {
  const port = await freePort();
  const other = await Gateway.start("gateway", { "translation.url": `http://127.0.0.1:${port}` });
  const room = await other.makeRoom();
  const [ann, bea] = [await other.joined(room), await other.joined(room, person("Bea", "es-MX"))];
  assert.equal(bea.joined.self.hears, "es-mx");
  const late = fakeTranslation();
  await new Promise((resolve) => late.listen(port, "127.0.0.1", resolve));
  const { id, speaks, hears } = await until("she is renamed", () => ann.named("participantUpdated")[0]);
  assert.deepEqual([id, speaks, hears], [bea.joined.self.id, "es", "es"]);
  await ann.done("chat", { text: "hello" });
  await until("it is translated", () => bea.named("chatMessage")[0]?.translations.es === "(hello)");
  [ann, bea].forEach((client) => client.disconnect());
  await other.stop();
  late.closeAllConnections();
  late.close();
});
