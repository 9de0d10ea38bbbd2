// SPDX-License-Identifier: Apache-2.0
// Janus's WebSocket API: one session, its handles, and their events.
import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import WebSocket from 'ws';

// Janus ends a session that is silent for 60 s.
const KEEP_ALIVE_MS = 25_000;
const ANSWER_WITHIN_MS = 15_000;

class Handle extends EventEmitter {
  constructor(session, id) {
    super();
    Object.assign(this, { session, id });
  }

  /** A message to the plugin; the answer's {data, jsep}. The ack that comes before an asynchronous one is passed over. */
  async message(body, jsep) {
    const answer = await this.session.request({ janus: 'message', handle_id: this.id, body, ...(jsep ? { jsep } : {}) });
    const data = answer.plugindata?.data ?? {};
    if (data.error) throw new Error(`janus: ${data.error} (${data.error_code}) after ${body.request}`);
    return { data, jsep: answer.jsep };
  }

  detach() {
    this.session.handles.delete(this.id);
    return this.session.request({ janus: 'detach', handle_id: this.id }).catch(() => undefined);
  }
}

export class Session {
  static async open(url) {
    const session = new Session();
    session.handles = new Map();
    session.waiting = new Map();
    session.socket = new WebSocket(url, 'janus-protocol', { perMessageDeflate: false });
    session.socket.on('message', (text) => session.take(JSON.parse(text)));
    await once(session.socket, 'open');
    session.id = (await session.request({ janus: 'create' })).data.id;
    session.keepAlive = setInterval(() => session.request({ janus: 'keepalive' }).catch(() => undefined), KEEP_ALIVE_MS);
    session.keepAlive.unref();
    return session;
  }

  request(fields) {
    const transaction = randomBytes(8).toString('hex');
    const session = this.id === undefined ? {} : { session_id: this.id };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(transaction);
        reject(new Error(`janus: no answer to ${fields.janus} ${fields.body?.request ?? ''}`));
      }, ANSWER_WITHIN_MS);
      this.waiting.set(transaction, { resolve, reject, timer, acked: fields.janus === 'keepalive' });
      this.socket.send(JSON.stringify({ ...session, ...fields, transaction }));
    });
  }

  async attach(plugin) {
    const { data } = await this.request({ janus: 'attach', plugin });
    const handle = new Handle(this, data.id);
    this.handles.set(data.id, handle);
    return handle;
  }

  take(message) {
    const waiting = this.waiting.get(message.transaction);
    if (waiting && message.janus === 'ack' && !waiting.acked) return; // the answer comes as an event
    if (waiting) {
      this.waiting.delete(message.transaction);
      clearTimeout(waiting.timer);
      if (message.janus === 'error') waiting.reject(new Error(`janus: ${message.error.reason} (${message.error.code})`));
      else waiting.resolve(message);
      return;
    }
    this.handles.get(message.sender)?.emit(message.janus, message);
  }

  close() {
    clearInterval(this.keepAlive);
    this.socket.close();
  }
}
