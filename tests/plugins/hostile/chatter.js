// Talks as long as it lives, on as little CPU time as that takes.
const line = "x".repeat(500);

export async function talk() {
  for (;;) {
    for (let i = 0; i < 50; i++) console.log(line);
    await new Promise((done) => setTimeout(done, 1));
  }
}

export function shout() {
  for (;;) console.log(line);
}

export const words = () => {
  for (let i = 0; i < 2000; i++) console.log(line);
  return 42;
};
