// Does not come back, in different ways.

export function loop() {
  for (;;) {}
}

export async function chain() {
  for (;;) await null;
}

export const never = () => new Promise(() => {});

export function timers() {
  const again = () => setTimeout(again, 0);
  again();
  return new Promise(() => {});
}

export const pattern = () => /^(a+)+$/.test(`${"a".repeat(50)}b`);

export function stubborn() {
  for (;;) {
    try {
      for (;;) {}
    } catch {
      // What interrupts it is not to be caught.
    } finally {
      continue;
    }
  }
}

export const sort = () => Array.from({ length: 1e6 }, (_, i) => i).sort(() => { for (;;) {} });

// Deep, not endless: the stack has an end.
export function deep() {
  return 1 + deep();
}

export function deepJson() {
  let value = [];
  for (let i = 0; i < 200_000; i++) value = [value];
  return value;
}

export const answer = () => 42;
