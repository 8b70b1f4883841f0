// ----- what it keeps from one life to the next -----

declare namespace lazaret {
  type Kept = string | number | boolean | null | object | Uint8Array;
  const kv: {
    compareAndSet(key: string, expected: Kept | undefined, value: Kept | undefined): Promise<boolean>;
    delete(key: string): Promise<boolean>;
    get(key: string): Promise<any>;
    list(options?: { prefix?: string; after?: string; limit?: number }): AsyncIterableIterator<{ key: string; value: any }>;
    set(key: string, value: Kept): Promise<void>;
  };
}
