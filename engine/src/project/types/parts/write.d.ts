// ----- files that its policy lets it write -----

declare namespace Deno {
  interface WriteFileOptions {
    append?: boolean;
    create?: boolean;
    createNew?: boolean;
    signal?: AbortSignal;
  }
  function copyFile(from: string, to: string): Promise<void>;
  function mkdir(path: string, options?: { recursive?: boolean }): Promise<void>;
  function remove(path: string, options?: { recursive?: boolean }): Promise<void>;
  function rename(from: string, to: string): Promise<void>;
  function writeFile(path: string, data: BufferSource | AsyncIterable<Uint8Array>, options?: WriteFileOptions): Promise<void>;
  function writeTextFile(path: string, text: string | AsyncIterable<string>, options?: WriteFileOptions): Promise<void>;
}
