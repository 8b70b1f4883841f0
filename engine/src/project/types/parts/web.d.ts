// ----- the web platform -----

type BufferSource = ArrayBufferView | ArrayBuffer;

declare const self: typeof globalThis;

interface Console {
  debug(...values: unknown[]): void;
  error(...values: unknown[]): void;
  info(...values: unknown[]): void;
  log(...values: unknown[]): void;
  trace(...values: unknown[]): void;
  warn(...values: unknown[]): void;
}
declare const console: Readonly<Console>;

declare function setTimeout<A extends unknown[]>(callback: (...values: A) => void, delay?: number, ...values: A): number;
declare function setInterval<A extends unknown[]>(callback: (...values: A) => void, delay?: number, ...values: A): number;
declare function clearTimeout(id?: number): void;
declare function clearInterval(id?: number): void;
declare function queueMicrotask(callback: () => void): void;
declare function structuredClone<T>(value: T, options?: { transfer?: (ArrayBuffer | MessagePort)[] }): T;
declare function atob(text: string): string;
declare function btoa(text: string): string;

declare class DOMException extends Error {
  constructor(message?: string, name?: string | { name?: string; cause?: unknown });
  readonly code: number;
}
declare class QuotaExceededError extends DOMException {
  constructor(message?: string, options?: { quota?: number; requested?: number });
  readonly quota: number | null;
  readonly requested: number | null;
}

// ----- URLs -----

declare class URL {
  constructor(url: string | URL, base?: string | URL);
  static canParse(url: string | URL, base?: string | URL): boolean;
  static parse(url: string | URL, base?: string | URL): URL | null;
  hash: string;
  host: string;
  hostname: string;
  href: string;
  readonly origin: string;
  password: string;
  pathname: string;
  port: string;
  protocol: string;
  search: string;
  readonly searchParams: URLSearchParams;
  username: string;
  toJSON(): string;
  toString(): string;
}
declare class URLSearchParams implements Iterable<[string, string]> {
  constructor(init?: string | URLSearchParams | Record<string, string> | Iterable<readonly [string, string]>);
  readonly size: number;
  append(name: string, value: string): void;
  delete(name: string, value?: string): void;
  entries(): IterableIterator<[string, string]>;
  forEach(callback: (value: string, name: string, all: URLSearchParams) => void): void;
  get(name: string): string | null;
  getAll(name: string): string[];
  has(name: string, value?: string): boolean;
  keys(): IterableIterator<string>;
  set(name: string, value: string): void;
  sort(): void;
  toString(): string;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}
interface URLPatternParts {
  baseURL?: string;
  hash?: string;
  hostname?: string;
  password?: string;
  pathname?: string;
  port?: string;
  protocol?: string;
  search?: string;
  username?: string;
}
interface URLPatternMatch {
  input: string;
  groups: Record<string, string | undefined>;
}
type URLPatternName = Exclude<keyof URLPatternParts, "baseURL">;
declare class URLPattern {
  constructor(input?: string | URLPatternParts, base?: string | { ignoreCase?: boolean }, options?: { ignoreCase?: boolean });
  readonly hasRegExpGroups: boolean;
  readonly hash: string;
  readonly hostname: string;
  readonly password: string;
  readonly pathname: string;
  readonly port: string;
  readonly protocol: string;
  readonly search: string;
  readonly username: string;
  exec(input?: string | URL | URLPatternParts, base?: string):
    | (Record<URLPatternName, URLPatternMatch> & { inputs: unknown[] })
    | null;
  test(input?: string | URL | URLPatternParts, base?: string): boolean;
}

// ----- text -----

declare class TextEncoder {
  readonly encoding: "utf-8";
  encode(text?: string): Uint8Array<ArrayBuffer>;
  encodeInto(text: string, into: Uint8Array): { read: number; written: number };
}
interface TextDecoderOptions {
  fatal?: boolean;
  ignoreBOM?: boolean;
}
declare class TextDecoder {
  constructor(label?: string, options?: TextDecoderOptions);
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  decode(bytes?: BufferSource, options?: { stream?: boolean }): string;
}
declare class TextEncoderStream implements TransformPair<string, Uint8Array<ArrayBuffer>> {
  readonly encoding: "utf-8";
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<string>;
}
declare class TextDecoderStream implements TransformPair<BufferSource, string> {
  constructor(label?: string, options?: TextDecoderOptions);
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  readonly readable: ReadableStream<string>;
  readonly writable: WritableStream<BufferSource>;
}

// ----- streams -----

interface QueuingStrategy<T = unknown> {
  highWaterMark?: number;
  size?(chunk: T): number;
}
declare class ByteLengthQueuingStrategy implements QueuingStrategy<ArrayBufferView> {
  constructor(init: { highWaterMark: number });
  readonly highWaterMark: number;
  size(chunk: ArrayBufferView): number;
}
declare class CountQueuingStrategy implements QueuingStrategy {
  constructor(init: { highWaterMark: number });
  readonly highWaterMark: number;
  size(chunk: unknown): number;
}
interface TransformPair<In, Out> {
  readonly readable: ReadableStream<Out>;
  readonly writable: WritableStream<In>;
}
interface PipeOptions {
  preventAbort?: boolean;
  preventCancel?: boolean;
  preventClose?: boolean;
  signal?: AbortSignal;
}
interface StreamSource<T> {
  type?: undefined;
  start?(controller: ReadableStreamDefaultController<T>): unknown;
  pull?(controller: ReadableStreamDefaultController<T>): void | PromiseLike<void>;
  cancel?(reason?: unknown): void | PromiseLike<void>;
}
interface ByteStreamSource {
  type: "bytes";
  autoAllocateChunkSize?: number;
  start?(controller: ReadableByteStreamController): unknown;
  pull?(controller: ReadableByteStreamController): void | PromiseLike<void>;
  cancel?(reason?: unknown): void | PromiseLike<void>;
}
type StreamResult<T> = { done: false; value: T } | { done: true; value: T | undefined };
declare class ReadableStream<T = unknown> implements AsyncIterable<T> {
  constructor(source: ByteStreamSource, strategy?: { highWaterMark?: number });
  constructor(source?: StreamSource<T>, strategy?: QueuingStrategy<T>);
  static from<T>(items: Iterable<T | PromiseLike<T>> | AsyncIterable<T>): ReadableStream<T>;
  readonly locked: boolean;
  cancel(reason?: unknown): Promise<void>;
  getReader(options: { mode: "byob" }): ReadableStreamBYOBReader;
  getReader(): ReadableStreamDefaultReader<T>;
  pipeThrough<Out>(through: TransformPair<T, Out>, options?: PipeOptions): ReadableStream<Out>;
  pipeTo(into: WritableStream<T>, options?: PipeOptions): Promise<void>;
  tee(): [ReadableStream<T>, ReadableStream<T>];
  values(options?: { preventCancel?: boolean }): AsyncIterableIterator<T>;
  [Symbol.asyncIterator](options?: { preventCancel?: boolean }): AsyncIterableIterator<T>;
}
declare class ReadableStreamDefaultReader<T = unknown> {
  constructor(stream: ReadableStream<T>);
  readonly closed: Promise<void>;
  cancel(reason?: unknown): Promise<void>;
  read(): Promise<StreamResult<T>>;
  releaseLock(): void;
}
declare class ReadableStreamBYOBReader {
  constructor(stream: ReadableStream<Uint8Array>);
  readonly closed: Promise<void>;
  cancel(reason?: unknown): Promise<void>;
  read<T extends ArrayBufferView>(into: T, options?: { min?: number }): Promise<StreamResult<T>>;
  releaseLock(): void;
}
interface ReadableStreamBYOBRequest {
  readonly view: Uint8Array<ArrayBuffer> | null;
  respond(bytes: number): void;
  respondWithNewView(view: ArrayBufferView): void;
}
declare const ReadableStreamBYOBRequest: { readonly prototype: ReadableStreamBYOBRequest };
interface ReadableStreamDefaultController<T = unknown> {
  readonly desiredSize: number | null;
  close(): void;
  enqueue(chunk?: T): void;
  error(reason?: unknown): void;
}
declare const ReadableStreamDefaultController: { readonly prototype: ReadableStreamDefaultController };
interface ReadableByteStreamController {
  readonly byobRequest: ReadableStreamBYOBRequest | null;
  readonly desiredSize: number | null;
  close(): void;
  enqueue(chunk: ArrayBufferView): void;
  error(reason?: unknown): void;
}
declare const ReadableByteStreamController: { readonly prototype: ReadableByteStreamController };
interface StreamSink<T> {
  start?(controller: WritableStreamDefaultController): unknown;
  write?(chunk: T, controller: WritableStreamDefaultController): void | PromiseLike<void>;
  close?(): void | PromiseLike<void>;
  abort?(reason?: unknown): void | PromiseLike<void>;
}
declare class WritableStream<T = unknown> {
  constructor(sink?: StreamSink<T>, strategy?: QueuingStrategy<T>);
  readonly locked: boolean;
  abort(reason?: unknown): Promise<void>;
  close(): Promise<void>;
  getWriter(): WritableStreamDefaultWriter<T>;
}
declare class WritableStreamDefaultWriter<T = unknown> {
  constructor(stream: WritableStream<T>);
  readonly closed: Promise<void>;
  readonly desiredSize: number | null;
  readonly ready: Promise<void>;
  abort(reason?: unknown): Promise<void>;
  close(): Promise<void>;
  releaseLock(): void;
  write(chunk?: T): Promise<void>;
}
interface WritableStreamDefaultController {
  readonly signal: AbortSignal;
  error(reason?: unknown): void;
}
declare const WritableStreamDefaultController: { readonly prototype: WritableStreamDefaultController };
interface Transformer<In, Out> {
  start?(controller: TransformStreamDefaultController<Out>): unknown;
  transform?(chunk: In, controller: TransformStreamDefaultController<Out>): void | PromiseLike<void>;
  flush?(controller: TransformStreamDefaultController<Out>): void | PromiseLike<void>;
  cancel?(reason?: unknown): void | PromiseLike<void>;
}
declare class TransformStream<In = unknown, Out = In> implements TransformPair<In, Out> {
  constructor(transformer?: Transformer<In, Out>, writable?: QueuingStrategy<In>, readable?: QueuingStrategy<Out>);
  readonly readable: ReadableStream<Out>;
  readonly writable: WritableStream<In>;
}
interface TransformStreamDefaultController<Out = unknown> {
  readonly desiredSize: number | null;
  enqueue(chunk?: Out): void;
  error(reason?: unknown): void;
  terminate(): void;
}
declare const TransformStreamDefaultController: { readonly prototype: TransformStreamDefaultController };
type CompressionFormat = "brotli" | "deflate" | "deflate-raw" | "gzip";
declare class CompressionStream implements TransformPair<BufferSource, Uint8Array<ArrayBuffer>> {
  constructor(format: CompressionFormat);
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<BufferSource>;
}
declare class DecompressionStream implements TransformPair<BufferSource, Uint8Array<ArrayBuffer>> {
  constructor(format: CompressionFormat);
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<BufferSource>;
}

// ----- events -----

interface EventInit {
  bubbles?: boolean;
  cancelable?: boolean;
  composed?: boolean;
}
declare class Event {
  constructor(type: string, init?: EventInit);
  readonly bubbles: boolean;
  readonly cancelable: boolean;
  readonly composed: boolean;
  readonly currentTarget: EventTarget | null;
  readonly defaultPrevented: boolean;
  readonly eventPhase: number;
  readonly isTrusted: boolean;
  readonly target: EventTarget | null;
  readonly timeStamp: number;
  readonly type: string;
  composedPath(): EventTarget[];
  preventDefault(): void;
  stopImmediatePropagation(): void;
  stopPropagation(): void;
}
declare class CustomEvent<T = unknown> extends Event {
  constructor(type: string, init?: EventInit & { detail?: T });
  readonly detail: T;
}
declare class ErrorEvent extends Event {
  constructor(
    type: string,
    init?: EventInit & { message?: string; filename?: string; lineno?: number; colno?: number; error?: unknown },
  );
  readonly colno: number;
  readonly error: unknown;
  readonly filename: string;
  readonly lineno: number;
  readonly message: string;
}
declare class CloseEvent extends Event {
  constructor(type: string, init?: EventInit & { wasClean?: boolean; code?: number; reason?: string });
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}
declare class MessageEvent<T = unknown> extends Event {
  constructor(type: string, init?: EventInit & { data?: T; origin?: string; lastEventId?: string });
  readonly data: T;
  readonly lastEventId: string;
  readonly origin: string;
}
declare class ProgressEvent extends Event {
  constructor(type: string, init?: EventInit & { lengthComputable?: boolean; loaded?: number; total?: number });
  readonly lengthComputable: boolean;
  readonly loaded: number;
  readonly total: number;
}
type EventListener = ((event: any) => void) | { handleEvent(event: any): void };
declare class EventTarget {
  addEventListener(
    type: string,
    listener: EventListener | null,
    options?: boolean | { capture?: boolean; once?: boolean; passive?: boolean; signal?: AbortSignal },
  ): void;
  dispatchEvent(event: Event): boolean;
  removeEventListener(type: string, listener: EventListener | null, options?: boolean | { capture?: boolean }): void;
}
declare class AbortController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}
interface AbortSignal extends EventTarget {
  readonly aborted: boolean;
  readonly reason: any;
  onabort: ((event: Event) => void) | null;
  throwIfAborted(): void;
}
declare const AbortSignal: {
  readonly prototype: AbortSignal;
  abort(reason?: unknown): AbortSignal;
  any(signals: Iterable<AbortSignal>): AbortSignal;
  timeout(milliseconds: number): AbortSignal;
};
declare class MessageChannel {
  readonly port1: MessagePort;
  readonly port2: MessagePort;
}
interface MessagePort extends EventTarget {
  onmessage: ((event: MessageEvent) => void) | null;
  onmessageerror: ((event: MessageEvent) => void) | null;
  close(): void;
  postMessage(message: unknown, transfer?: (ArrayBuffer | MessagePort)[]): void;
  start(): void;
}
declare const MessagePort: { readonly prototype: MessagePort };

// ----- bytes in files, forms and requests -----

type BlobPart = BufferSource | Blob | string;
declare class Blob {
  constructor(parts?: Iterable<BlobPart>, options?: { type?: string; endings?: "transparent" | "native" });
  readonly size: number;
  readonly type: string;
  arrayBuffer(): Promise<ArrayBuffer>;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  slice(start?: number, end?: number, type?: string): Blob;
  stream(): ReadableStream<Uint8Array<ArrayBuffer>>;
  text(): Promise<string>;
}
declare class File extends Blob {
  constructor(parts: Iterable<BlobPart>, name: string, options?: { type?: string; lastModified?: number });
  readonly lastModified: number;
  readonly name: string;
}
declare class FileReader extends EventTarget {
  readonly error: DOMException | null;
  onabort: ((event: ProgressEvent) => void) | null;
  onerror: ((event: ProgressEvent) => void) | null;
  onload: ((event: ProgressEvent) => void) | null;
  onloadend: ((event: ProgressEvent) => void) | null;
  onloadstart: ((event: ProgressEvent) => void) | null;
  onprogress: ((event: ProgressEvent) => void) | null;
  readonly readyState: 0 | 1 | 2;
  readonly result: string | ArrayBuffer | null;
  abort(): void;
  readAsArrayBuffer(blob: Blob): void;
  readAsBinaryString(blob: Blob): void;
  readAsDataURL(blob: Blob): void;
  readAsText(blob: Blob, label?: string): void;
}
type FormDataEntryValue = File | string;
declare class FormData implements Iterable<[string, FormDataEntryValue]> {
  append(name: string, value: string | Blob, filename?: string): void;
  delete(name: string): void;
  entries(): IterableIterator<[string, FormDataEntryValue]>;
  forEach(callback: (value: FormDataEntryValue, name: string, all: FormData) => void): void;
  get(name: string): FormDataEntryValue | null;
  getAll(name: string): FormDataEntryValue[];
  has(name: string): boolean;
  keys(): IterableIterator<string>;
  set(name: string, value: string | Blob, filename?: string): void;
  values(): IterableIterator<FormDataEntryValue>;
  [Symbol.iterator](): IterableIterator<[string, FormDataEntryValue]>;
}
type HeadersInit = Headers | Record<string, string> | Iterable<readonly [string, string]>;
declare class Headers implements Iterable<[string, string]> {
  constructor(init?: HeadersInit);
  append(name: string, value: string): void;
  delete(name: string): void;
  entries(): IterableIterator<[string, string]>;
  forEach(callback: (value: string, name: string, all: Headers) => void): void;
  get(name: string): string | null;
  getSetCookie(): string[];
  has(name: string): boolean;
  keys(): IterableIterator<string>;
  set(name: string, value: string): void;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}
type BodyInit = BufferSource | Blob | FormData | ReadableStream<Uint8Array> | URLSearchParams | string;
interface Body {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  readonly bodyUsed: boolean;
  arrayBuffer(): Promise<ArrayBuffer>;
  blob(): Promise<Blob>;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  formData(): Promise<FormData>;
  json(): Promise<any>;
  text(): Promise<string>;
}
interface RequestInit {
  body?: BodyInit | null;
  headers?: HeadersInit;
  method?: string;
  redirect?: "error" | "follow" | "manual";
  signal?: AbortSignal | null;
}
interface Request extends Body {
  readonly headers: Headers;
  readonly method: string;
  readonly redirect: "error" | "follow" | "manual";
  readonly signal: AbortSignal;
  readonly url: string;
  clone(): Request;
}
declare const Request: {
  readonly prototype: Request;
  new (input: string | URL | Request, init?: RequestInit): Request;
};
interface ResponseInit {
  headers?: HeadersInit;
  status?: number;
  statusText?: string;
}
interface Response extends Body {
  readonly headers: Headers;
  readonly ok: boolean;
  readonly redirected: boolean;
  readonly status: number;
  readonly statusText: string;
  readonly type: string;
  readonly url: string;
  clone(): Response;
}
declare const Response: {
  readonly prototype: Response;
  new (body?: BodyInit | null, init?: ResponseInit): Response;
  error(): Response;
  json(value: unknown, init?: ResponseInit): Response;
  redirect(url: string | URL, status?: number): Response;
};

// ----- time and chance -----

interface PerformanceEntry {
  readonly duration: number;
  readonly entryType: string;
  readonly name: string;
  readonly startTime: number;
  toJSON(): any;
}
declare const PerformanceEntry: { readonly prototype: PerformanceEntry };
declare class PerformanceMark implements PerformanceEntry {
  constructor(name: string, options?: { detail?: unknown; startTime?: number });
  readonly detail: unknown;
  readonly duration: number;
  readonly entryType: "mark";
  readonly name: string;
  readonly startTime: number;
  toJSON(): any;
}
interface PerformanceMeasure extends PerformanceEntry {
  readonly detail: unknown;
  readonly entryType: "measure";
}
declare const PerformanceMeasure: { readonly prototype: PerformanceMeasure };
interface PerformanceObserverEntryList {
  getEntries(): PerformanceEntry[];
  getEntriesByName(name: string, type?: string): PerformanceEntry[];
  getEntriesByType(type: string): PerformanceEntry[];
}
declare const PerformanceObserverEntryList: { readonly prototype: PerformanceObserverEntryList };
declare class PerformanceObserver {
  constructor(callback: (entries: PerformanceObserverEntryList, observer: PerformanceObserver) => void);
  static readonly supportedEntryTypes: readonly string[];
  disconnect(): void;
  observe(options: { buffered?: boolean; entryTypes?: string[]; type?: string }): void;
  takeRecords(): PerformanceEntry[];
}
interface Performance extends EventTarget {
  readonly timeOrigin: number;
  clearMarks(name?: string): void;
  clearMeasures(name?: string): void;
  getEntries(): PerformanceEntry[];
  getEntriesByName(name: string, type?: string): PerformanceEntry[];
  getEntriesByType(type: string): PerformanceEntry[];
  mark(name: string, options?: { detail?: unknown; startTime?: number }): PerformanceMark;
  measure(
    name: string,
    start?: string | { detail?: unknown; duration?: number; end?: string | number; start?: string | number },
    end?: string,
  ): PerformanceMeasure;
  now(): number;
  toJSON(): any;
}
declare const Performance: { readonly prototype: Performance };
declare const performance: Performance;

type IntegerArray =
  | BigInt64Array
  | BigUint64Array
  | Int16Array
  | Int32Array
  | Int8Array
  | Uint16Array
  | Uint32Array
  | Uint8Array
  | Uint8ClampedArray;
type DigestName = "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512";
type CurveName = "P-256" | "P-384" | "P-521";
type Hash = DigestName | { name: DigestName };
type KeyUsage = "decrypt" | "deriveBits" | "deriveKey" | "encrypt" | "sign" | "unwrapKey" | "verify" | "wrapKey";
type KeyType = "private" | "public" | "secret";
type KeyFormat = "jwk" | "pkcs8" | "raw" | "spki";
type AesName = "AES-CBC" | "AES-CTR" | "AES-GCM" | "AES-KW";
type EdwardsName = "Ed25519" | "X25519";
type RsaName = "RSA-OAEP" | "RSA-PSS" | "RSASSA-PKCS1-v1_5";
type AesKey = { name: AesName; length: 128 | 192 | 256 };
type HmacKey = { name: "HMAC"; hash: Hash; length?: number };
type CurveKey = { name: "ECDH" | "ECDSA"; namedCurve: CurveName };
type RsaKey = { name: RsaName; hash: Hash; modulusLength: number; publicExponent: Uint8Array };
type Cipher =
  | { name: "AES-CBC"; iv: BufferSource }
  | { name: "AES-CTR"; counter: BufferSource; length: 32 | 64 | 128 }
  | { name: "AES-GCM"; iv: BufferSource; additionalData?: BufferSource; tagLength?: 96 | 104 | 112 | 120 | 128 }
  | { name: "RSA-OAEP"; label?: BufferSource };
type Signature =
  | "Ed25519"
  | "HMAC"
  | "RSASSA-PKCS1-v1_5"
  | { name: "Ed25519" | "HMAC" | "RSASSA-PKCS1-v1_5" }
  | { name: "ECDSA"; hash: Hash }
  | { name: "RSA-PSS"; saltLength: number };
type Derivation =
  | { name: "ECDH" | "X25519"; public: CryptoKey }
  | { name: "HKDF"; hash: Hash; info: BufferSource; salt: BufferSource }
  | { name: "PBKDF2"; hash: Hash; iterations: number; salt: BufferSource };
type ImportAlgorithm =
  | AesName
  | EdwardsName
  | "HKDF"
  | "PBKDF2"
  | { name: AesName | EdwardsName | "HKDF" | "PBKDF2" }
  | CurveKey
  | HmacKey
  | { name: RsaName; hash: Hash };
interface KeyAlgorithm {
  hash?: { name: DigestName };
  length?: number;
  modulusLength?: number;
  name: string;
  namedCurve?: CurveName;
  publicExponent?: Uint8Array;
}
declare class CryptoKey {
  private constructor();
  readonly algorithm: KeyAlgorithm;
  readonly extractable: boolean;
  readonly type: KeyType;
  readonly usages: KeyUsage[];
}
interface CryptoKeyPair {
  privateKey: CryptoKey;
  publicKey: CryptoKey;
}
interface JsonWebKey {
  alg?: string;
  crv?: string;
  d?: string;
  dp?: string;
  dq?: string;
  e?: string;
  ext?: boolean;
  k?: string;
  key_ops?: string[];
  kty?: string;
  n?: string;
  p?: string;
  q?: string;
  qi?: string;
  use?: string;
  x?: string;
  y?: string;
}
declare class SubtleCrypto {
  private constructor();
  decrypt(algorithm: Cipher | "RSA-OAEP", key: CryptoKey, data: BufferSource): Promise<ArrayBuffer>;
  deriveBits(algorithm: Derivation, baseKey: CryptoKey, length?: number | null): Promise<ArrayBuffer>;
  deriveKey(
    algorithm: Derivation,
    baseKey: CryptoKey,
    derivedKeyType: AesKey | HmacKey | "HKDF" | "PBKDF2" | { name: "HKDF" | "PBKDF2" },
    extractable: boolean,
    keyUsages: Iterable<KeyUsage>,
  ): Promise<CryptoKey>;
  digest(algorithm: Hash, data: BufferSource): Promise<ArrayBuffer>;
  encrypt(algorithm: Cipher | "RSA-OAEP", key: CryptoKey, data: BufferSource): Promise<ArrayBuffer>;
  exportKey(format: "jwk", key: CryptoKey): Promise<JsonWebKey>;
  exportKey(format: Exclude<KeyFormat, "jwk">, key: CryptoKey): Promise<ArrayBuffer>;
  generateKey(algorithm: AesKey | HmacKey, extractable: boolean, keyUsages: Iterable<KeyUsage>): Promise<CryptoKey>;
  generateKey(
    algorithm: CurveKey | EdwardsName | RsaKey | { name: EdwardsName },
    extractable: boolean,
    keyUsages: Iterable<KeyUsage>,
  ): Promise<CryptoKeyPair>;
  importKey(
    format: "jwk",
    keyData: JsonWebKey,
    algorithm: ImportAlgorithm,
    extractable: boolean,
    keyUsages: Iterable<KeyUsage>,
  ): Promise<CryptoKey>;
  importKey(
    format: Exclude<KeyFormat, "jwk">,
    keyData: BufferSource,
    algorithm: ImportAlgorithm,
    extractable: boolean,
    keyUsages: Iterable<KeyUsage>,
  ): Promise<CryptoKey>;
  sign(algorithm: Signature, key: CryptoKey, data: BufferSource): Promise<ArrayBuffer>;
  unwrapKey(
    format: KeyFormat,
    wrappedKey: BufferSource,
    unwrappingKey: CryptoKey,
    unwrapAlgorithm: Cipher | "AES-KW" | "RSA-OAEP" | { name: "AES-KW" },
    unwrappedKeyAlgorithm: ImportAlgorithm,
    extractable: boolean,
    keyUsages: Iterable<KeyUsage>,
  ): Promise<CryptoKey>;
  verify(algorithm: Signature, key: CryptoKey, signature: BufferSource, data: BufferSource): Promise<boolean>;
  wrapKey(
    format: KeyFormat,
    key: CryptoKey,
    wrappingKey: CryptoKey,
    wrapAlgorithm: Cipher | "AES-KW" | "RSA-OAEP" | { name: "AES-KW" },
  ): Promise<ArrayBuffer>;
}
declare class Crypto {
  private constructor();
  getRandomValues<T extends IntegerArray>(into: T): T;
  randomUUID(): `${string}-${string}-${string}-${string}-${string}`;
  readonly subtle: SubtleCrypto;
}
declare const crypto: Crypto;
