// Keeps, logs, measures and shows what it is given, as it is told.
const { log, metrics } = lazaret;

export const set = (key, value) => lazaret.kv.set(key, value);
export const get = (key) => lazaret.kv.get(key);

export async function list(prefix) {
  const all = {};
  for await (const { key, value } of lazaret.kv.list({ prefix })) all[key] = value;
  return all;
}

// How many of so many keys, all asked for at once, have a place.
export async function fill(count, value) {
  const all = [];
  for (let i = 0; i < count; i++) all.push(lazaret.kv.set(`fill/${i}`, value));
  const settled = await Promise.allSettled(all);
  const why = settled.find(({ status }) => status === "rejected")?.reason.name;
  return [settled.filter(({ status }) => status === "fulfilled").length, why ?? "none"];
}

// Adds one by comparing and setting, until it is done.
export async function count(times) {
  for (let i = 0; i < times; i++) {
    for (;;) {
      const before = await lazaret.kv.get("count");
      if (await lazaret.kv.compareAndSet("count", before, (before ?? 0) + 1)) break;
    }
  }
}

export function work(times) {
  const done = metrics.counter("done", { kind: "work" });
  for (let i = 0; i < times; i++) done.add();
  metrics.gauge("level").set(times);
  metrics.histogram("size").observe(0.2);
  log.info("worked", { times });
  log.debug("in detail");
}

export const there = () => typeof lazaret.kv;
export const config = () => lazaret.config;
