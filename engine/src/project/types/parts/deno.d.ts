// ----- files: the plugin's own, those of its `/tmp`, and those that its policy lets it read -----

declare namespace Deno {
  interface DirEntry {
    isDirectory: boolean;
    isFile: boolean;
    isSymlink: boolean;
    name: string;
  }
  interface FileInfo {
    isDirectory: boolean;
    isFile: boolean;
    isSymlink: boolean;
    mode: number;
    mtime: Date;
    size: number;
  }
  interface FsEvent {
    kind: string;
    paths: string[];
  }
  interface FsFile extends Disposable {
    readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
    close(): void;
    read(into: BufferSource): Promise<number | null>;
    readSync(into: BufferSource): number | null;
    seek(offset: number, whence: 0 | 1 | 2): Promise<number>;
    seekSync(offset: number, whence: 0 | 1 | 2): number;
    stat(): Promise<FileInfo>;
    statSync(): FileInfo;
  }
  interface FsWatcher extends AsyncIterableIterator<FsEvent>, Disposable {
    close(): void;
  }
  function lstat(path: string): Promise<FileInfo>;
  function lstatSync(path: string): FileInfo;
  function open(path: string, options?: { read?: true }): Promise<FsFile>;
  function openSync(path: string, options?: { read?: true }): FsFile;
  function readDir(path: string): AsyncIterableIterator<DirEntry>;
  function readDirSync(path: string): IterableIterator<DirEntry>;
  function readFile(path: string): Promise<Uint8Array<ArrayBuffer>>;
  function readFileSync(path: string): Uint8Array<ArrayBuffer>;
  function readTextFile(path: string): Promise<string>;
  function readTextFileSync(path: string): string;
  function realPath(path: string): Promise<string>;
  function realPathSync(path: string): string;
  function stat(path: string): Promise<FileInfo>;
  function statSync(path: string): FileInfo;
  function watchFs(paths: string | readonly string[], options?: { recursive?: boolean }): FsWatcher;
  namespace errors {
    class AlreadyExists extends Error {}
    class BadResource extends Error {}
    class BrokenPipe extends Error {}
    class Busy extends Error {}
    class ConnectionRefused extends Error {}
    class ConnectionReset extends Error {}
    class Interrupted extends Error {}
    class IsADirectory extends Error {}
    class NotADirectory extends Error {}
    class NotFound extends Error {}
    class PermissionDenied extends Error {
      /** What the policy lacks. */
      readonly permission: string;
    }
    class QuotaExceeded extends Error {}
    class TimedOut extends Error {}
    class UnexpectedEof extends Error {}
  }
}
