// ----- hosts that its policy lets it say anything to -----

declare namespace Deno {
  interface NetAddr {
    hostname: string;
    port: number;
    transport: "tcp";
  }
  interface Conn extends Disposable {
    /** Nothing is told of where the engine connects from. */
    readonly localAddr: NetAddr;
    readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
    readonly remoteAddr: NetAddr;
    readonly writable: WritableStream<BufferSource>;
    close(): void;
    closeWrite(): Promise<void>;
    read(into: BufferSource): Promise<number | null>;
    ref(): void;
    unref(): void;
    /** How many bytes were sent, which may be fewer than there are. */
    write(data: BufferSource): Promise<number>;
  }
  interface TlsConn extends Conn {
    handshake(): Promise<{ alpnProtocol: null }>;
  }
  function connect(options: Granted.Place & { transport?: "tcp" }): Promise<Conn>;
  function connectTls(
    options: Granted.Place & { caCerts?: readonly string[]; transport?: "tcp" },
  ): Promise<TlsConn>;
}
