// ----- what Deno has no name for -----

declare namespace lazaret {
  interface CurrentCall {
    /** When the call is given up, in milliseconds since 1970-01-01 UTC. */
    readonly deadline: number;
    readonly signal: AbortSignal;
  }
  /** The call under way; `undefined` outside of calls. */
  const call: CurrentCall | undefined;
  const config: Plugin.Config;
  type Labels = Readonly<Record<string, string | number | boolean>>;
  const log: Readonly<Record<"debug" | "error" | "info" | "warn", (message: string, fields?: object) => void>>;
  const metrics: {
    counter(name: string, labels?: Labels): { add(by?: number): void };
    gauge(name: string, labels?: Labels): { set(value: number): void };
    histogram(name: string, labels?: Labels): { observe(value: number): void };
  };
  interface SearchOptions {
    root: string;
    glob?: string | readonly string[];
    limit?: number;
    signal?: AbortSignal;
  }
  const search: {
    contents(
      options: SearchOptions & { pattern: string; literal?: boolean; ignoreCase?: boolean; maxFileSize?: number },
    ): AsyncIterableIterator<{ path: string; line: number; column: number; text: string }>;
    names(
      options: SearchOptions,
    ): AsyncIterableIterator<{ path: string; isDirectory: boolean; isFile: boolean; isSymlink: boolean }>;
  };
}
