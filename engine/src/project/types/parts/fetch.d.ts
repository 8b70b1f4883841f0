// ----- hosts that its policy lets it reach -----

declare function fetch(input: Granted.Url | URL | Request, init?: RequestInit): Promise<Response>;

type SocketUrl<U extends string> = U extends `http${infer rest}` ? `ws${rest}` : never;

declare class WebSocket extends EventTarget {
  constructor(
    url: SocketUrl<Granted.Url> | Granted.Url | URL,
    options?: string | string[] | { protocols?: string[]; headers?: HeadersInit },
  );
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSING: 2;
  static readonly CLOSED: 3;
  binaryType: "blob" | "arraybuffer";
  readonly bufferedAmount: number;
  readonly extensions: string;
  readonly protocol: string;
  readonly readyState: number;
  readonly url: string;
  onclose: ((event: CloseEvent) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  onmessage: ((event: MessageEvent<any>) => void) | null;
  onopen: ((event: Event) => void) | null;
  close(code?: number, reason?: string): void;
  send(data: string | BufferSource | Blob): void;
}

declare class EventSource extends EventTarget {
  constructor(url: Granted.Url | URL, options?: { withCredentials?: boolean; headers?: HeadersInit });
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSED: 2;
  readonly readyState: number;
  readonly url: string;
  readonly withCredentials: boolean;
  onerror: ((event: Event | ErrorEvent) => void) | null;
  onmessage: ((event: MessageEvent<string>) => void) | null;
  onopen: ((event: Event) => void) | null;
  close(): void;
}
