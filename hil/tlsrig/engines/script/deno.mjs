// The engine of the peer `deno`: rustls, as Deno's sockets have it. It writes its own key log.

import { file, isServer, option, run, texts } from "./channel.mjs";

class Connection {
  #socket;
  #ended = false;

  constructor(socket) {
    this.#socket = socket;
  }

  async shakeHands() {
    this.#socket = await this.#socket;
    await this.#socket.handshake();
  }

  async read() {
    const room = new Uint8Array(16384);
    const count = await this.#socket.read(room);
    return count === null ? null : room.subarray(0, count);
  }

  async write(data) {
    for (let at = 0; at < data.length;) {
      at += await this.#socket.write(data.subarray(at));
    }
  }

  async goodbye() {
    if (!this.#ended) {
      this.#ended = true;
      await this.#socket.closeWrite();
    }
  }

  leave() {
    try {
      this.#socket.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource || error instanceof TypeError)) {
        throw error;
      }
    }
  }
}

class Server {
  #listener;

  listen() {
    this.#listener = Deno.listenTls({
      hostname: "127.0.0.1", port: 0, cert: file("chain"), key: file("key"), alpnProtocols: texts("alpn"),
    });
    return this.#listener.addr.port;
  }

  connection() {
    return new Connection(this.#listener.accept());
  }
}

class Client {
  connection(port) {
    const identity = option("chain") === undefined ? {} : { cert: file("chain"), key: file("key") };
    return new Connection(Deno.connectTls({
      hostname: option("server_name"), port, caCerts: [file("root")], alpnProtocols: texts("alpn"), ...identity,
    }));
  }
}

await run(isServer ? new Server() : new Client());
