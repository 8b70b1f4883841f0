// ----- programs that its policy lets it run, each in a container of its own -----

declare namespace Deno {
  interface CommandOutput {
    code: number;
    signal: string | null;
    stderr: Uint8Array<ArrayBuffer>;
    stdout: Uint8Array<ArrayBuffer>;
    success: boolean;
  }
  class Command {
    constructor(program: Granted.Program, options?: { args?: readonly string[]; stdin?: BufferSource });
    output(): Promise<CommandOutput>;
  }
}
