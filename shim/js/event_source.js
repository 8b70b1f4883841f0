// What Deno's `EventSource` asks of the network, and how often: by `fetch`, and no sooner again than a
// server can bear, whatever that server says.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  DateNow,
  MathMax,
  MathMin,
  Promise,
  RangeError,
  SafeWeakMap,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;
const { op_lazaret_fetch_lacks } = core.ops;
const { buildCustomError, loadExtScript } = core;
const { ErrorEvent, Event, MessageEvent } = loadExtScript("ext:deno_web/02_event.js");
const fetching = loadExtScript("ext:deno_fetch/26_fetch.js");

// Milliseconds from one request to the next: at the least, and at the most for each time that the
// ones before failed.
const LEAST = 1000;
const MOST = 60_000;

// The most characters of an event, and of a line.
const MOST_CHARACTERS = 16 * 1024 * 1024;

// What is known of each source, by its signal.
const sources = new SafeWeakMap();

function sourceOf(signal) {
  let source = WeakMapPrototypeGet(sources, signal);
  if (source === undefined) {
    source = { __proto__: null, failures: 0, last: -Infinity, refusal: undefined };
    WeakMapPrototypeSet(sources, signal, source);
  }
  return source;
}

// As Deno's, which tells its source by what comes back whether to try again: never where the policy
// grants no such request.
async function mainFetch(request, recursive, signal) {
  const source = sourceOf(signal);
  const apart = MathMin(LEAST * 2 ** MathMin(source.failures, 16), MOST);
  // The clock may have been set back.
  const wait = MathMin(MathMax(0, source.last + apart - DateNow()), apart);
  if (wait > 0) {
    await new Promise((go) => core.createSystemTimer(() => go(), wait, true));
  }
  if (signal.aborted) return { __proto__: null, aborted: true };
  source.last = DateNow();
  source.failures++;
  let answer;
  try {
    const lacks = op_lazaret_fetch_lacks(request.url());
    if (lacks !== "") throw buildCustomError("LazaretDenied", lacks);
    answer = await fetching.mainFetch(request, recursive, signal);
  } catch (error) {
    if (error?.name !== "PermissionDenied") throw error;
    source.refusal = error;
    return { __proto__: null, aborted: true };
  }
  if (answer.status === 200) source.failures = 0;
  return answer;
}

// The event that tells of the end of a source.
function failure(signal) {
  const error = sourceOf(signal).refusal;
  if (error === undefined) return new Event("error");
  return new ErrorEvent("error", { error, message: error.name + ": " + error.message });
}

function joined(text, more) {
  if (text.length + more.length > MOST_CHARACTERS) throw new RangeError("an event without end");
  return text + more;
}

// One more part of a line.
function keep(parts, part) {
  parts.characters = (parts.characters ?? 0) + part.length;
  if (parts.characters > MOST_CHARACTERS) throw new RangeError("a line without end");
  ArrayPrototypePush(parts, part);
}

return { Event, MessageEvent, failure, joined, keep, mainFetch };
})();
