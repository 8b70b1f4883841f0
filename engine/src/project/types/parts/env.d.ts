// ----- variables that its policy lets it see -----

declare namespace Deno {
  const env: {
    get(name: Granted.Variable): string | undefined;
    has(name: Granted.Variable): boolean;
    toObject(): Partial<Record<Granted.Variable, string>>;
  };
}
