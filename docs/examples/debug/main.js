// Finds out what a plugin of your own lacks: tries each thing, shows what comes of it, and goes on.

const trials = {
  read: (path) => Deno.readTextFile(path),
  write: (path) => Deno.writeTextFile(path, ""),
  run: (program) => new Deno.Command(program).output(),
  fetch: (url) => fetch(url),
};

/** What came of each trial, as `{ read: "/etc/hosts" }`: `done`, or the permission that it takes. */
export async function attempt(list) {
  const told = {};
  for (const [what, subject] of Object.entries(list)) {
    try {
      await trials[what](subject);
      told[what] = "done";
    } catch (error) {
      console.error(error.stack);
      told[what] = error.permission ?? error.message;
    }
  }
  return told;
}
