// Puts one program to use: hands it lines, and gives back what it makes of them.

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The lines as the program gives them back, which here is a `sort`. */
export async function sorted({ lines, reverse = false }) {
  const args = reverse ? ["-r"] : [];
  const stdin = encoder.encode(lines.map((line) => `${line}\n`).join(""));
  const { success, code, stdout, stderr } = await new Deno.Command("tool", { args, stdin }).output();
  if (!success) throw new Error(`the program ended with ${code}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout).split("\n").slice(0, -1);
}
