// ----- secrets that its policy names -----

declare namespace lazaret {
  interface Secrets {
    /** What stands for the secret: the engine puts the secret in its place in header fields and the URL of a request to
     * one of its hosts. The secret itself where the policy exposes it. */
    get(name: Granted.Secret): string;
    /** The names of all. */
    names(): Granted.Secret[];
  }
  const secrets: Readonly<Secrets>;
}
