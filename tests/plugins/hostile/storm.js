// Attacks on what plugins share, each for as many milliseconds as it is told to.
const line = "x".repeat(500);

function again(milliseconds, act) {
  const end = Date.now() + milliseconds;
  let times = 0;
  while (Date.now() < end) {
    act();
    times++;
  }
  return times;
}

export const loop = (milliseconds) => again(milliseconds, () => {});

// As much memory as there may be, given back each time.
export const memory = (milliseconds, mebibytes) =>
  again(milliseconds, () => new Uint8Array(mebibytes << 20).fill(1));

export const lines = (milliseconds) => again(milliseconds, () => console.log(line));

export async function promises(milliseconds) {
  const end = Date.now() + milliseconds;
  let times = 0;
  while (Date.now() < end) {
    await Promise.all(Array.from({ length: 1000 }, async () => await null));
    times++;
  }
  return times;
}

export async function timers(milliseconds) {
  const end = Date.now() + milliseconds;
  let times = 0;
  const chain = (done) => {
    times++;
    if (Date.now() < end) setTimeout(chain, 0, done);
    else done();
  };
  await Promise.all(Array.from({ length: 1000 }, () => new Promise(chain)));
  return times;
}

export const result = (bytes) => "x".repeat(bytes);

const kept = [];

export function bomb() {
  for (let i = 0; ; i++) kept.push([i, [i], { i }]);
}
