// SPDX-License-Identifier: Apache-2.0
// docs/protocol.md section 3 against the real program: what each request answers, what it refuses and with
// which code, who hears of it, and that nothing is left behind.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";

import { dtlsParameters, Gateway, micOf, person, produce, speaking, until } from "./lib/gateway.mjs";

let server;
const clients = [];
before(async () => (server = await Gateway.start()));
// Whatever the tests did, their clients took all of it along.
after(async () => {
  await server.nothingLeft();
  await server.stop();
});
afterEach(() => clients.splice(0).forEach((client) => client.disconnect()));

const kept = (client) => (clients.push(client), client);
const stranger = async () => kept(await server.client());
const joined = async (room, options) => kept(await server.joined(room, options));

async function refused(client, name, data, code) {
  const answer = await client.ask(name, data);
  const shown = `${name} ${JSON.stringify(data)}: ${JSON.stringify(answer)}`;
  assert.equal(answer.ok, false, shown);
  assert.equal(answer.error.code, code, shown);
  assert.match(answer.error.message, /\w+ .*\w/, shown);
}

const REQUESTS = [
  "createTransport", "connectTransport", "restartIce", "produce", "pauseProducer", "resumeProducer", "closeProducer",
  "consume", "pauseConsumer", "resumeConsumer", "closeConsumer", "requestKeyFrame", "setPreferredLayers",
  "setLanguages", "setState", "react", "chat",
];

describe("requests of the wrong shape", () => {
  it("are refused as such, whichever it is", async () => {
    const client = await joined(await server.makeRoom());
    for (const name of REQUESTS) {
      for (const data of [null, "text", 5, true, [], [{}]]) await refused(client, name, data, "invalid_request");
      assert.equal((await client.ask(name)).error?.code, "invalid_request", name);
    }
    assert.deepEqual(client.events, []);
  });

  it("are refused when the id is missing or no text", async () => {
    const client = await joined(await server.makeRoom());
    const named = REQUESTS.filter((name) => !["createTransport", "setLanguages", "setState"].includes(name));
    for (const name of named) await refused(client, name, {}, "invalid_request");
    await refused(client, "restartIce", { transportId: 5 }, "invalid_request");
    await refused(client, "closeConsumer", { consumerId: ["x"] }, "invalid_request");
  });

  it("are refused for one member of the wrong kind", async () => {
    const client = await joined(await server.makeRoom());
    await refused(client, "createTransport", { direction: "both" }, "invalid_request");
    await refused(client, "setState", { handRaised: "yes" }, "invalid_request");
    await refused(client, "setLanguages", { voice: "loud" }, "invalid_request");
    await refused(client, "setLanguages", { hears: 5 }, "unsupported_language");
    await refused(client, "setPreferredLayers", { consumerId: "x", spatialLayer: 0, temporalLayer: "1" }, "invalid_request");
    for (const emoji of ["", " ", "\u0000", "x".repeat(49), 5]) await refused(client, "react", { emoji }, "invalid_request");
    for (const text of ["", " \n", "x".repeat(2001), 5]) await refused(client, "chat", { text }, "invalid_request");
    assert.deepEqual(client.events, []);
  });

  it("end the connection beyond 64 KiB, and the others are told", async () => {
    const room = await server.makeRoom();
    const [ann, bea] = [await joined(room), await joined(room)];
    const cut = new Promise((resolve) => ann.once("disconnect", resolve));
    ann.emit("chat", { text: "x".repeat(70_000) });
    await cut;
    await until("the other is told", () => bea.named("participantLeft").length > 0);
    assert.deepEqual(bea.named("participantLeft"), [{ id: ann.joined.self.id, reason: "disconnected" }]);
  });

  it("are refused before joining, and unknown ones always", async () => {
    const client = await stranger();
    for (const name of ["leave", ...REQUESTS]) await refused(client, name, {}, "not_joined");
    await refused(client, "fly", {}, "invalid_request");
  });
});

describe("join", () => {
  it("answers with what a client needs", async () => {
    const room = await server.makeRoom({ name: "Team" });
    const { joined: answer } = await joined(room);
    assert.match(answer.self.id, /^\w+$/);
    assert.deepEqual(answer.room, { code: room.code, name: "Team" });
    assert.ok(answer.routerRtpCapabilities.codecs.length > 0);
    for (const list of ["iceServers", "participants", "chat", "captions"]) assert.deepEqual(answer[list], []);
  });

  it("refuses what is missing or wrong, and lets nobody in", async () => {
    const room = await server.makeRoom({ passcode: "sesame" });
    const client = await stranger();
    const good = { ...person("Ann"), room: room.code, passcode: "sesame" };
    for (const data of [null, "x", [], {}, { ...good, room: 5 }]) await refused(client, "join", data, "invalid_request");
    for (const name of [undefined, 5, " \n"]) await refused(client, "join", { ...good, name }, "invalid_request");
    await refused(client, "join", { ...good, voice: "loud" }, "invalid_request");
    await refused(client, "join", { ...good, passcode: 5 }, "invalid_request");
    await refused(client, "join", { ...good, passcode: undefined }, "wrong_passcode");
    await refused(client, "join", { ...good, passcode: "open" }, "wrong_passcode");
    await refused(client, "join", { ...good, room: "22222-22222-22222" }, "room_not_found");
    assert.equal((await server.get(`/api/v1/rooms/${room.code}`)).body.participants, 0);
    await client.done("join", good);
    await refused(client, "join", good, "already_joined");
  });

  it("refuses languages that nothing here knows", async () => {
    const room = await server.makeRoom();
    const client = await stranger();
    const good = { ...person("Ann"), room: room.code };
    for (const wrong of ["", "e", "english", "en_US", 5, null, "qqq"]) {
      await refused(client, "join", { ...good, speaks: wrong }, "unsupported_language");
      await refused(client, "join", { ...good, hears: wrong }, "unsupported_language");
    }
    await refused(client, "join", { ...good, speaks: "qqq", hears: "qqq" }, "unsupported_language");
    // Regions of what is known, under the name by which it is known.
    const { self } = await client.done("join", { ...good, speaks: "en-GB", hears: "es-MX", voice: "original" });
    assert.deepEqual([self.speaks, self.hears, self.voice], ["en", "es", "original"]);
  });

  it("lets the same person back in place of their ghost", async () => {
    const room = await server.makeRoom({ maxParticipants: 2 });
    const [ann, bea] = [await joined(room), await joined(room)];
    const again = await stranger();
    const request = { ...person("Ann"), room: room.code };
    await refused(again, "join", { ...request, resume: "another token" }, "room_full");
    await again.done("join", { ...request, resume: ann.joined.self.token });
    await until("the ghost is gone", () => !ann.connected && bea.named("participantJoined").length > 0);
    assert.deepEqual(bea.named("participantLeft"), [{ id: ann.joined.self.id, reason: "replaced" }]);
  });

  it("refuses one person too many until somebody leaves", async () => {
    const room = await server.makeRoom({ maxParticipants: 2 });
    const [ann] = [await joined(room), await joined(room)];
    const third = await stranger();
    const request = { ...person("Cy"), room: room.code };
    await refused(third, "join", request, "room_full");
    assert.equal((await server.get(`/api/v1/rooms/${room.code}`)).body.participants, 2);
    await ann.done("leave");
    await third.done("join", request);
    assert.deepEqual(ann.named("participantJoined").map(({ name }) => name), ["Ann"], "no word of who was refused");
  });
});

describe("languages", () => {
  it("cannot be changed into a pair that does not work", async () => {
    const client = await joined(await server.makeRoom(), person("Vy", "vi"));
    for (const wrong of ["vi_VN", "qqq", 5]) {
      await refused(client, "setLanguages", { hears: wrong }, "unsupported_language");
      await refused(client, "setLanguages", { speaks: wrong }, "unsupported_language");
    }
    // Nothing is translated into Vietnamese here, so one who hears it has to speak it.
    await refused(client, "setLanguages", { speaks: "en" }, "unsupported_language");
    assert.deepEqual(client.events, []);
    const { self } = await client.done("setLanguages", { speaks: "en-US", hears: "en", voice: "original" });
    const { id } = client.joined.self;
    assert.deepEqual(self, { id, speaks: "en", hears: "en", voice: "original" });
    const [updated] = client.named("participantUpdated");
    assert.deepEqual([updated.speaks, updated.hears, updated.voice], ["en", "en", "original"]);
  });
});

describe("transports", () => {
  it("have mediasoup-client's options and are connected once", async () => {
    const room = await server.makeRoom();
    const [ann, bea] = [await joined(room), await joined(room)];
    const transport = await ann.done("createTransport", { direction: "send" });
    for (const key of ["id", "iceParameters", "iceCandidates", "dtlsParameters"]) assert.ok(transport[key], key);
    const request = { transportId: transport.id, dtlsParameters };
    await refused(bea, "connectTransport", request, "transport_not_found");
    for (const wrong of [undefined, "x", {}, { role: "client", fingerprints: [] }, { ...dtlsParameters, role: "both" }]) {
      await refused(ann, "connectTransport", { ...request, dtlsParameters: wrong }, "invalid_parameters");
    }
    await ann.done("connectTransport", request);
    await refused(ann, "connectTransport", request, "already_connected");
    const { iceParameters } = await ann.done("restartIce", { transportId: transport.id });
    assert.notEqual(iceParameters.usernameFragment, transport.iceParameters.usernameFragment);
  });

  it("are bounded in number", async () => {
    const client = await joined(await server.makeRoom());
    for (let i = 0; i < 6; ++i) await client.done("createTransport", { direction: "recv" });
    await refused(client, "createTransport", { direction: "recv" }, "limit_reached");
  });
});

describe("producers", () => {
  it("are refused when they are wrong, and nobody hears of them", async () => {
    const room = await server.makeRoom();
    const [ann, bea] = [await joined(room), await joined(room)];
    ann.send = await ann.done("createTransport", { direction: "send" });
    const { id: recv } = await ann.done("createTransport", { direction: "recv" });
    const codec = { mimeType: "audio/none", payloadType: 9, clockRate: 8000 };
    const { rtpParameters } = micOf(ann);
    for (const [more, code] of [
      [{ transportId: "none" }, "transport_not_found"],
      [{ transportId: recv }, "wrong_direction"],
      [{ kind: "smell" }, "invalid_request"],
      [{ kind: "video" }, "invalid_request"], // a microphone is sound
      [{ kind: "video", source: "camera" }, "invalid_parameters"], // of an audio codec
      [{ source: "translation" }, "invalid_request"], // the server's alone
      [{ paused: "yes" }, "invalid_request"],
      [{ rtpParameters: undefined }, "invalid_parameters"],
      [{ rtpParameters: {} }, "invalid_parameters"],
      [{ rtpParameters: { ...rtpParameters, codecs: [codec] } }, "unsupported_codec"],
    ]) {
      await refused(ann, "produce", micOf(ann, more), code);
    }
    assert.deepEqual(bea.named("producerAdded"), []);
  });

  it("belong to who made them, and are bounded in number", async () => {
    const room = await server.makeRoom();
    const [ann, bea] = [await speaking(await joined(room)), await joined(room)];
    for (const name of ["pauseProducer", "resumeProducer", "closeProducer"]) {
      await refused(bea, name, { producerId: ann.mic }, "producer_not_found");
    }
    for (let i = 1; i < 8; ++i) await produce(ann);
    await refused(ann, "produce", micOf(ann), "limit_reached");
    await ann.done("closeProducer", { producerId: ann.mic });
    await refused(ann, "closeProducer", { producerId: ann.mic }, "producer_not_found");
    await produce(ann);
  });
});

describe("consumers", () => {
  it("are refused where one may not receive", async () => {
    const room = await server.makeRoom();
    const [ann, bea] = [await speaking(await joined(room)), await joined(room)];
    const elsewhere = await joined(await server.makeRoom());
    const { routerRtpCapabilities: rtpCapabilities } = bea.joined;
    const request = { producerId: ann.mic, rtpCapabilities };
    await refused(ann, "consume", request, "cannot_consume"); // one's own
    await refused(elsewhere, "consume", request, "cannot_consume"); // of another room
    await refused(bea, "consume", { ...request, producerId: "none" }, "cannot_consume");
    await refused(bea, "consume", request, "transport_not_found"); // none made yet
    await bea.done("createTransport", { direction: "recv" });
    await refused(bea, "consume", { ...request, rtpCapabilities: "x" }, "invalid_parameters");
    await refused(bea, "consume", { ...request, rtpCapabilities: {} }, "cannot_consume"); // knows no codec
    const consumer = await bea.done("consume", request);
    assert.deepEqual([consumer.producerId, consumer.kind, consumer.producerPaused], [ann.mic, "audio", false]);
    for (const key of ["id", "type", "rtpParameters"]) assert.ok(consumer[key], key);
    for (const name of ["pauseConsumer", "resumeConsumer", "closeConsumer", "requestKeyFrame"]) {
      await refused(ann, name, { consumerId: consumer.id }, "consumer_not_found");
    }
  });

  it("hear of their producer's pause and end", async () => {
    const room = await server.makeRoom();
    const [ann, bea] = [await speaking(await joined(room)), await joined(room)];
    await bea.done("createTransport", { direction: "recv" });
    const { id: consumerId } = await bea.done("consume", {
      producerId: ann.mic, rtpCapabilities: bea.joined.routerRtpCapabilities,
    });
    for (const name of ["pauseProducer", "resumeProducer", "closeProducer"]) await ann.done(name, { producerId: ann.mic });
    await until("the consumer is closed", () => bea.named("consumerClosed").length > 0);
    for (const name of ["consumerPaused", "consumerResumed", "consumerClosed"]) {
      assert.deepEqual(bea.named(name), [{ consumerId }], name);
    }
    const about = { participantId: ann.joined.self.id, producerId: ann.mic };
    for (const name of ["producerPaused", "producerResumed", "producerRemoved"]) {
      assert.deepEqual(bea.named(name), [about], name);
    }
    await refused(bea, "closeConsumer", { consumerId }, "consumer_not_found");
  });
});

describe("translated voices", () => {
  const isVoice = ({ producer }) => producer.source === "translation";
  const voicesOf = (listener) => {
    const gone = new Set(listener.named("producerRemoved").map(({ producerId }) => producerId));
    return listener.named("producerAdded").filter(isVoice).map(({ producer }) => producer).filter(({ id }) => !gone.has(id));
  };
  const heard = (listener) => until("a translated voice", () => voicesOf(listener)[0]);

  it("are announced to those who hear that language, and name their microphone", async () => {
    const room = await server.makeRoom();
    const [bea, cat] = [await joined(room, person("Bea", "es")), await joined(room, person("Cat", "en"))];
    const ann = await speaking(await joined(room));
    const { kind, lang, translatedFrom } = await heard(bea);
    assert.deepEqual({ kind, lang, translatedFrom }, { kind: "audio", lang: "es", translatedFrom: ann.mic });
    assert.deepEqual([voicesOf(ann), voicesOf(cat)], [[], []]);
  });

  it("are not sent on to one who now hears another language", async () => {
    const room = await server.makeRoom();
    // Dan keeps the Spanish voice alive.
    const [bea, dan] = [await joined(room, person("Bea", "es")), await joined(room, person("Dan", "es"))];
    await speaking(await joined(room));
    const { id: producerId } = await heard(bea);
    await bea.done("createTransport", { direction: "recv" });
    const request = { producerId, rtpCapabilities: bea.joined.routerRtpCapabilities };
    const { id: consumerId } = await bea.done("consume", request);
    await until("it is counted", async () => (await server.left()).consumers === 1);
    await bea.done("setLanguages", { hears: "en" });
    assert.deepEqual(bea.named("consumerClosed"), [{ consumerId }]);
    await refused(bea, "resumeConsumer", { consumerId }, "consumer_not_found");
    await refused(bea, "consume", request, "cannot_consume");
    await until("the SFU has closed it", async () => (await server.left()).consumers === 0);
    assert.equal(voicesOf(dan).length, 1);
  });

  it("are one per language, however often a listener changes it", async () => {
    const room = await server.makeRoom();
    const bea = await joined(room, person("Bea", "es"));
    await speaking(await joined(room));
    await heard(bea);
    const changes = Array.from({ length: 40 }, (_, i) => bea.done("setLanguages", { hears: i % 2 ? "es" : "fr" }));
    await Promise.all(changes);
    await until("the microphone and one voice remain", async () => (await server.left()).producers === 2);
    await until("the others were taken back", () => voicesOf(bea).length === 1);
    const late = await joined(room, person("Flo", "es"));
    const [mic, ...voices] = late.joined.participants.flatMap(({ producers }) => producers);
    assert.equal(mic.source, "mic");
    assert.deepEqual(voices.map(({ lang }) => lang), ["es"]);
  });

  it("end with a room that its owner deletes", async () => {
    const room = await server.makeRoom();
    const bea = await joined(room, person("Bea", "es"));
    const ann = await speaking(await joined(room));
    await heard(bea);
    await until("both are counted", async () => (await server.left()).producers === 2);
    assert.equal((await server.deleteRoom(room)).status, 204);
    await until("they are told", () => bea.named("roomClosed").length + ann.named("roomClosed").length === 2);
    assert.equal(typeof ann.named("roomClosed")[0].reason, "string");
    await until("nothing is in the SFU", async () => (await server.left()).producers === 0);
    await refused(bea, "chat", { text: "Hello?" }, "not_joined");
  });
});

describe("people", () => {
  it("hear of each other", async () => {
    const room = await server.makeRoom();
    const [ann, bea] = [await joined(room), await joined(room, person("Bea", "es"))];
    const [self, other] = [ann.joined.self.id, bea.joined.self.id];
    const shown = await until("Ann is told", () => ann.named("participantJoined")[0]);
    assert.deepEqual(
      [shown.id, shown.name, shown.speaks, shown.hears, shown.handRaised, shown.producers],
      [other, "Bea", "es", "es", false, []],
    );
    assert.deepEqual(bea.joined.participants.map(({ id }) => id), [self]);
    await ann.done("setState", { handRaised: true });
    await ann.done("react", { emoji: "👋" });
    const { id, at } = await ann.done("chat", { text: "Good morning" });
    const [message] = await until("the message", () => bea.named("chatMessage").length && bea.named("chatMessage"));
    assert.deepEqual(
      [message.id, message.from, message.name, message.text, message.lang, message.at],
      [id, self, "Ann", "Good morning", "en", at],
    );
    assert.ok(message.translations.es, "a reader's language is among the translations");
    assert.equal(bea.named("participantUpdated")[0].handRaised, true);
    assert.deepEqual(bea.named("reaction"), [{ participantId: self, emoji: "👋" }]);
    await ann.done("leave");
    await until("the other is told", () => bea.named("participantLeft").length > 0);
    assert.deepEqual(bea.named("participantLeft"), [{ id: self, reason: "left" }]);
  });
});
