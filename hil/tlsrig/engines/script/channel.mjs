// What the engines in JavaScript share: options, the relay with its log, the lines, one connection's course.
//
// The protocol is that of hil/tlsrig/engines/__init__.py, but for what a run-time tells its scripts too
// little of: alerts, close_notify, suites and the exporter. Their host reads those in the records. These
// libraries own their sockets, so they talk to a relay in this process, which keeps the log of the wire.

import fs from "node:fs";
import net from "node:net";
import process from "node:process";

const HOST = "127.0.0.1";
// How long the other end may take to leave a connection that is over.
const DRAIN_MS = 5000;

const given = new Map(process.argv.slice(2).map((word) => {
  const at = word.indexOf("=");
  return [word.slice(0, at), word.slice(at + 1)];
}));

export const option = (name) => given.get(name);
export const number = (name, otherwise) => given.has(name) ? Number(given.get(name)) : otherwise;
export const texts = (name) => (given.get(name) ?? "").split(",").filter((text) => text !== "");
export const codes = (name) => texts(name).map((text) => Number.parseInt(text, 16));
export const file = (name) => given.has(name) ? fs.readFileSync(given.get(name), "ascii") : undefined;
export const isServer = given.get("role") === "server";

// Tell the host one line, at once.
export function say(event, facts = {}) {
  const words = Object.entries(facts).map(([name, value]) => ` ${name}=${String(value).replace(/\s/g, "_")}`);
  fs.writeSync(1, `${event}${words.join("")}\n`);
}

export function logSecret(line) {
  fs.appendFileSync(given.get("key_log"), `${line.trim()}\n`);
}

// Values that come one after the other, whoever is first: they or the one who waits.
export class Queue {
  #values = [];
  #waiting = [];

  put(value) {
    const first = this.#waiting.shift();
    if (first === undefined) {
      this.#values.push(value);
    } else {
      first(value);
    }
  }

  take() {
    if (this.#values.length > 0) {
      return Promise.resolve(this.#values.shift());
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

// What the host says, line by line. A line stays the one that was told last until it is done with.
const lines = new Queue();
let told = lines.take();
let pending = "";
process.stdin.on("data", (data) => {
  const parts = (pending + data).split("\n");
  pending = parts.pop();
  parts.forEach((line) => lines.put(line));
});

async function awaitLine(wanted) {
  for (let line = ""; line !== wanted;) {
    line = await told;
    told = lines.take();
  }
}

function log(direction, data) {
  fs.appendFileSync(given.get("wire_log"), `${direction} ${data.toString("hex")}\n`);
}

function forward(from, to, direction) {
  from.on("data", (data) => {
    log(direction, data);
    to.write(data);
  });
  from.on("end", () => to.end());
  // One that has gone takes none, which its end will tell.
  from.on("error", () => to.destroy());
}

// Listen and pass on what comes; `place()` says where to, `inside` is the library's direction.
// Each connection that comes is put into the queue as a promise of its end.
function relay(place, inside) {
  const ends = new Queue();
  const listener = net.createServer({ allowHalfOpen: true }, (near) => {
    const far = net.connect({ host: HOST, port: place(), allowHalfOpen: true });
    near.setNoDelay(true);
    far.setNoDelay(true);
    forward(near, far, inside ? ">" : "<");
    forward(far, near, inside ? "<" : ">");
    const closed = [near, far].map((socket) => new Promise((resolve) => socket.on("close", resolve)));
    ends.put({ closed: Promise.all(closed), cut: () => [near, far].forEach((socket) => socket.destroy()) });
  });
  return new Promise((resolve) => {
    listener.listen(0, HOST, () => resolve({ port: listener.address().port, ends }));
  });
}

async function sendBack(connection, data) {
  const most = number("max_record_bytes", 16384);
  for (let at = 0; at < data.length; at += most) {
    await connection.write(data.subarray(at, at + most));
  }
}

// Send back what comes until one side says goodbye.
async function echo(connection) {
  const wanted = number("answer_bytes", 0);
  let gathered = Buffer.alloc(0);
  let reading = connection.read();
  for (;;) {
    const next = await Promise.race([reading, told]);
    if (typeof next === "string") {
      told = lines.take();
      await connection.goodbye();
      continue;
    }
    if (next === null) {
      await connection.goodbye();
      return;
    }
    say("data", { bytes: Buffer.from(next).toString("hex") });
    gathered = Buffer.concat([gathered, next]);
    if (gathered.length >= wanted) {
      await sendBack(connection, gathered);
      gathered = Buffer.alloc(0);
    }
    reading = connection.read();
  }
}

async function converse(connection, ends) {
  let reason = "";
  try {
    await connection.shakeHands();
    say("connected");
    await echo(connection);
  } catch (error) {
    reason = error.message;
  }
  connection.leave();
  const end = await ends.take();
  const patience = setTimeout(end.cut, DRAIN_MS);
  await end.closed;
  clearTimeout(patience);
  say("ended", { reason });
}

// Be an engine: `library.listen()` is a server's port, `library.connection(port)` the next connection.
export async function run(library) {
  const port = isServer ? await library.listen() : number("port");
  const { port: open, ends } = await relay(() => port, !isServer);
  if (isServer) {
    say("listening", { port: open });
  }
  for (let made = 0; made < number("connections", 1); made += 1) {
    if (made > 0 && !isServer) {
      await awaitLine("next");
    }
    await converse(await library.connection(open), ends);
  }
  process.exit(0);
}
