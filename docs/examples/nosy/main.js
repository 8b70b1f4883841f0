// Reads a file that is none of its business.

/** Tries to read the passwords of the machine. */
export async function peek() {
  return await Deno.readTextFile("/etc/shadow");
}
