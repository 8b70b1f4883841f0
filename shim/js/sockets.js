// Connections, named as Deno names them. Read when a plugin first connects.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayIsArray,
  MathMin,
  ObjectFreeze,
  SafeFinalizationRegistry,
  String,
  SymbolDispose,
  TypeError,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeSet,
  TypedArrayPrototypeSubarray,
  Uint8Array,
} = primordials;
const {
  op_lazaret_socket_connect,
  op_lazaret_socket_end,
  op_lazaret_socket_read,
  op_lazaret_socket_write,
} = core.ops;
const { close, tryClose } = core;

const NONE = new Uint8Array(0);

// How much is read for a stream at once, and sent.
const PART = 65536;

// What Deno knows of TLS and is not to be had here: whoever asks for it would rely on it.
const UNKNOWN = ["alpnProtocols", "cert", "key", "unsafelyDisableHostnameVerification"];

function sockets({ bytesOf, load }) {
  // What nobody can reach any more is closed.
  const left = new SafeFinalizationRegistry((rid) => tryClose(rid));

  function bytes(value) {
    const found = bytesOf(value);
    if (found === undefined) throw new TypeError("the bytes of a connection must be a Uint8Array");
    return found;
  }

  class Conn {
    #rid;
    #remoteAddr;
    // What was read and found no room.
    #rest = NONE;
    #readable;
    #writable;

    constructor(rid, hostname, port) {
      this.#rid = rid;
      this.#remoteAddr = ObjectFreeze({ hostname, port, transport: "tcp" });
      left.register(this, rid, this);
    }

    // Where the engine connects from is not told.
    get localAddr() {
      return { hostname: "0.0.0.0", port: 0, transport: "tcp" };
    }

    // The name that was connected to: its address is the engine's matter.
    get remoteAddr() {
      return this.#remoteAddr;
    }

    async read(buffer) {
      const space = bytes(buffer);
      const length = TypedArrayPrototypeGetByteLength(space);
      if (length === 0) return 0;
      const found = this.#ahead(this.#waits() ? NONE : await op_lazaret_socket_read(this.#rid, length));
      if (TypedArrayPrototypeGetByteLength(found) === 0) return null;
      // The buffer may have been transferred meanwhile, or have shrunk.
      const room = TypedArrayPrototypeGetByteLength(space);
      const read = MathMin(room, TypedArrayPrototypeGetByteLength(found));
      this.#rest = TypedArrayPrototypeSubarray(found, read);
      if (room === 0) throw new TypeError("the buffer was taken away while it was read into");
      TypedArrayPrototypeSet(space, TypedArrayPrototypeSubarray(found, 0, read));
      return read;
    }

    #waits() {
      return TypedArrayPrototypeGetByteLength(this.#rest) > 0;
    }

    // What found no room before, and what has come now.
    #ahead(found) {
      if (!this.#waits()) return found;
      const rest = this.#rest;
      const length = TypedArrayPrototypeGetByteLength(rest);
      const both = new Uint8Array(length + TypedArrayPrototypeGetByteLength(found));
      TypedArrayPrototypeSet(both, rest);
      TypedArrayPrototypeSet(both, found, length);
      this.#rest = NONE;
      return both;
    }

    async write(data) {
      const part = TypedArrayPrototypeSubarray(bytes(data), 0, PART);
      const length = TypedArrayPrototypeGetByteLength(part);
      await op_lazaret_socket_write(this.#rid, part);
      return length;
    }

    async closeWrite() {
      await op_lazaret_socket_end(this.#rid);
    }

    close() {
      left.unregister(this);
      close(this.#rid);
    }

    [SymbolDispose]() {
      left.unregister(this);
      tryClose(this.#rid);
    }

    // Nothing here keeps a plugin from its end, or has to be kept from that.
    ref() {}

    unref() {}

    // As in Deno, the connection is closed at the end of either stream.
    get readable() {
      if (this.#readable !== undefined) return this.#readable;
      const { ReadableStream } = load("deno_web/06_streams.js");
      const pull = async (controller) => {
        const found = this.#ahead(
          this.#waits() ? NONE : await this.#tried(() => op_lazaret_socket_read(this.#rid, PART)),
        );
        if (TypedArrayPrototypeGetByteLength(found) > 0) {
          controller.enqueue(found);
          return;
        }
        this[SymbolDispose]();
        controller.close();
      };
      const cancel = () => this[SymbolDispose]();
      return this.#readable = new ReadableStream({ cancel, pull }, { highWaterMark: 0 });
    }

    get writable() {
      if (this.#writable !== undefined) return this.#writable;
      const { WritableStream } = load("deno_web/06_streams.js");
      const end = () => this[SymbolDispose]();
      const write = async (chunk) => {
        let rest = bytes(chunk);
        while (TypedArrayPrototypeGetByteLength(rest) > 0) {
          await this.#tried(async () => {
            const written = await this.write(rest);
            rest = TypedArrayPrototypeSubarray(rest, written);
          });
        }
      };
      return this.#writable = new WritableStream({ abort: end, close: end, write });
    }

    async #tried(act) {
      try {
        return await act();
      } catch (error) {
        this[SymbolDispose]();
        throw error;
      }
    }
  }

  class TcpConn extends Conn {}

  class TlsConn extends Conn {
    // It is over when there is a connection.
    async handshake() {
      return { alpnProtocol: null };
    }
  }

  async function connect(hostname, port) {
    return new TcpConn(await op_lazaret_socket_connect(hostname, port, false, ""), hostname, port);
  }

  async function connectTls(hostname, port, options) {
    for (let i = 0; i < UNKNOWN.length; i++) {
      if (options[UNKNOWN[i]] !== undefined) {
        throw new TypeError("option `" + UNKNOWN[i] + "` is not known here");
      }
    }
    const list = options.caCerts ?? [];
    if (!ArrayIsArray(list)) throw new TypeError("`caCerts` must be a list of texts");
    let authorities = "";
    for (let i = 0; i < list.length; i++) authorities += String(list[i]) + "\n";
    const rid = await op_lazaret_socket_connect(hostname, port, true, authorities);
    return new TlsConn(rid, hostname, port);
  }

  return { connect, connectTls };
}

return { sockets };
})();
