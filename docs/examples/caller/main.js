// Calls home.

/** Tries to reach a host that nobody granted. */
export async function call() {
  const response = await fetch("https://example.com/");
  return response.status;
}
