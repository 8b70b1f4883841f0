// ----- hosts that its policy lets it reach -----

declare function fetch(input: Granted.Url | URL | Request, init?: RequestInit): Promise<Response>;
