// SPDX-License-Identifier: Apache-2.0
// Starts and stops the server under test. JB_CONFORMANCE_SERVER names its program.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const program = process.env.JB_CONFORMANCE_SERVER;

export class Server {
  // `settings`: { port, "ping-interval", "ping-timeout", "connect-timeout", "max-payload" }
  static async start(settings = {}) {
    if (!program) throw new Error("JB_CONFORMANCE_SERVER is not set");
    const args = Object.entries({ port: 0, ...settings }).flatMap(([k, v]) => [`--${k}`, String(v)]);
    // Under AddressSanitizer freed memory is kept back for a while; the memory tests want it small.
    const options = [process.env.ASAN_OPTIONS, "quarantine_size_mb=8"].filter(Boolean).join(":");
    const env = { ...process.env, ASAN_OPTIONS: options };
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    const server = new Server(child);
    server.port = await server.#listening();
    server.http = `http://localhost:${server.port}`;
    server.ws = `ws://localhost:${server.port}`;
    return server;
  }

  constructor(child) {
    this.child = child;
    this.exited = new Promise((resolve) => child.once("exit", resolve));
    this.disconnects = []; // the reasons of Socket.IO disconnections, as the server tells them
  }

  #listening() {
    return new Promise((resolve, reject) => {
      this.child.once("error", reject);
      this.child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
      createInterface({ input: this.child.stdout }).on("line", (line) => {
        if (line.startsWith("listening ")) resolve(Number(line.slice("listening ".length)));
        if (line.startsWith("disconnected: ")) this.disconnects.push(line.slice("disconnected: ".length));
      });
    });
  }

  async stop(signal = "SIGTERM") {
    this.child.kill(signal);
    await this.exited;
  }

  get running() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  // Resident memory in bytes. Linux.
  async memory() {
    const { readFile } = await import("node:fs/promises");
    const status = await readFile(`/proc/${this.child.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)[1]) * 1024;
  }
}
