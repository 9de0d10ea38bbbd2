// SPDX-License-Identifier: Apache-2.0
// Another SFU behind our room protocol, until it is told to stop:
//   node bench/peers/serve.mjs mediasoup|janus --port 3100 [--cpu 1] [--media-ports 45000-49999] [--address 192.0.2.1]
//     [--web web/dist] [--set key=value …]
// bench/peers/prepare.sh says where the peers are; set that in the environment. `--set` reaches the peer's own settings: the
// names are in mediasoup/media.mjs and janus/media.mjs. Prints one line of JSON when it is ready.
import os from 'node:os';
import { parseArgs } from 'node:util';
import { serveRooms } from './room_server.mjs';

const peers = {
  mediasoup: async (options) => (await import('./mediasoup/media.mjs')).startMediasoup(options),
  janus: async (options) => (await import('./janus/media.mjs')).startJanus(options),
};

/** The first address that is not the loopback's, which Janus leaves out. */
function ownAddress() {
  const all = Object.values(os.networkInterfaces()).flat();
  return all.find((a) => a.family === 'IPv4' && !a.internal)?.address ?? '127.0.0.1';
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: 'string', default: '3100' },
    cpu: { type: 'string' },
    'media-ports': { type: 'string', default: '45000-49999' },
    address: { type: 'string', default: ownAddress() },
    web: { type: 'string' },
    set: { type: 'string', multiple: true, default: [] },
  },
});
const name = positionals[0];
if (!peers[name]) {
  console.error(`usage: serve.mjs ${Object.keys(peers).join('|')} [--port N] [--cpu N] [--media-ports A-B] [--address IP] [--web DIR]`);
  process.exit(2);
}

const settings = Object.fromEntries(values.set.map((text) => {
  const [key, value] = text.split(/=(.*)/s);
  return [key, value === 'true' ? true : value === 'false' ? false : Number.isNaN(Number(value)) ? value : Number(value)];
}));
const media = await peers[name]({
  cpu: values.cpu, ports: values['media-ports'].split('-').map(Number), address: values.address, ...settings,
});
const server = await serveRooms({ port: Number(values.port), webDir: values.web, media, name, processes: media.processes });

let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, async () => {
    if (stopping) return;
    stopping = true;
    server.close();
    await media.close();
    process.exit(0);
  });
}
console.log(JSON.stringify({ ready: true, port: Number(values.port), processes: media.processes() }));
