// The engine of the peer `bun`: BoringSSL, as Bun's sockets have it.

import tls from "node:tls";

import { codes, file, isServer, logSecret, number, option, Queue, run, texts } from "./channel.mjs";

const VERSIONS = { 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3" };
// BoringSSL takes no orders about the suites of TLS 1.3.
const SUITES = {
  0xc02b: "ECDHE-ECDSA-AES128-GCM-SHA256",
  0xc02c: "ECDHE-ECDSA-AES256-GCM-SHA384",
  0xcca9: "ECDHE-ECDSA-CHACHA20-POLY1305",
  0xc02f: "ECDHE-RSA-AES128-GCM-SHA256",
  0xc030: "ECDHE-RSA-AES256-GCM-SHA384",
  0xcca8: "ECDHE-RSA-CHACHA20-POLY1305",
};
const GROUPS = { 0x0017: "P-256", 0x0018: "P-384", 0x0019: "P-521", 0x001d: "X25519" };
const SIGNATURES = {
  0x0403: "ecdsa_secp256r1_sha256", 0x0503: "ecdsa_secp384r1_sha384", 0x0603: "ecdsa_secp521r1_sha512",
  0x0804: "rsa_pss_rsae_sha256", 0x0805: "rsa_pss_rsae_sha384", 0x0806: "rsa_pss_rsae_sha512",
  0x0401: "rsa_pkcs1_sha256", 0x0501: "rsa_pkcs1_sha384", 0x0601: "rsa_pkcs1_sha512", 0x0807: "ed25519",
};

const named = (name, table) => codes(name).map((code) => table[code]).filter((word) => word !== undefined);

function settings() {
  const versions = codes("versions").sort();
  const chosen = {
    minVersion: VERSIONS[versions[0]],
    maxVersion: VERSIONS[versions.at(-1)],
    ecdhCurve: named("groups", GROUPS).join(":") || "X25519:P-256:P-384",
    ca: file("root"),
    cert: file("chain"),
    key: file("key"),
    ALPNProtocols: texts("alpn"),
    rejectUnauthorized: true,
  };
  const suites = named("suites", SUITES);
  const signatures = named("signatures", SIGNATURES);
  return {
    ...chosen,
    ...(suites.length > 0 ? { ciphers: suites.join(":") } : {}),
    ...(signatures.length > 0 ? { sigalgs: signatures.join(":") } : {}),
  };
}

class Connection {
  #socket;
  #read = new Queue();
  #made;
  #ended = false;

  constructor(socket, made) {
    this.#made = made;
    if (socket !== null) {
      this.adopt(socket);
    }
  }

  adopt(socket) {
    this.#socket = socket;
    socket.on("data", (data) => this.#read.put(data));
    socket.on("end", () => this.#read.put(null));
    socket.on("error", (error) => this.#read.put(error));
    socket.on("close", () => this.#read.put(new Error("closed without close_notify")));
  }

  shakeHands() {
    return this.#made;
  }

  async read() {
    const next = await this.#read.take();
    if (next instanceof Error) {
      throw next;
    }
    return next;
  }

  write(data) {
    return new Promise((resolve) => this.#socket.write(data, resolve));
  }

  goodbye() {
    if (!this.#ended) {
      this.#ended = true;
      this.#socket.end();
    }
  }

  leave() {
    this.#socket?.destroySoon?.();
  }
}

class Server {
  #coming = new Queue();

  listen() {
    const server = tls.createServer({ ...settings(), requestCert: option("root") !== undefined });
    server.on("keylog", (line) => logSecret(line.toString()));
    server.on("secureConnection", (socket) => this.#coming.put(socket));
    server.on("tlsClientError", (error) => this.#coming.put(error));
    return new Promise((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve(server.address().port));
    });
  }

  connection() {
    const connection = new Connection(null, this.#coming.take().then((came) => {
      if (came instanceof Error) {
        throw came;
      }
      connection.adopt(came);
    }));
    return connection;
  }
}

class Client {
  #session;

  connection(port) {
    const socket = tls.connect({
      ...settings(), host: "127.0.0.1", port, servername: option("server_name"), session: this.#session,
    });
    socket.on("keylog", (line) => logSecret(line.toString()));
    socket.on("session", (session) => {
      this.#session = session;
    });
    const made = new Promise((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("closed during the handshake")));
    });
    return new Connection(socket, made);
  }
}

await run(isServer ? new Server() : new Client());
