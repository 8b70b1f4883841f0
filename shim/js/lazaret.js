// `lazaret`: what Deno has no name for. Each part is read when a plugin first looks at it.
(function () {
const { core, internals, primordials } = __bootstrap;
const { ObjectDefineProperty, ObjectFreeze, ObjectKeys } = primordials;
const { loadExtScript } = internals;
const { op_lazaret_window_there } = core.ops;

// `kit` has what `host.js` shares.
function lazaret(kit) {
  let ofState;
  const state = () => ofState ??= loadExtScript("ext:lazaret/state.js").state(kit);
  const parts = {
    __proto__: null,
    config: () => state().config(),
    log: () => state().log,
    metrics: () => state().metrics,
    search: () => loadExtScript("ext:lazaret/search.js").search(kit),
    secrets: () => loadExtScript("ext:lazaret/secrets.js").secrets,
  };
  const whole = {};
  const names = ObjectKeys(parts);
  for (let i = 0; i < names.length; i++) {
    let made;
    ObjectDefineProperty(whole, names[i], {
      __proto__: null,
      enumerable: true,
      get: () => made ??= parts[names[i]](),
    });
  }
  let ofWindows;
  const windows = () => ofWindows ??= loadExtScript("ext:lazaret/window.js").windows(kit);
  // There are none where the policy grants nothing of it, which may change.
  ObjectDefineProperty(whole, "kv", { __proto__: null, enumerable: true, get: () => state().kv() });
  ObjectDefineProperty(whole, "window", {
    __proto__: null,
    enumerable: true,
    get: () => op_lazaret_window_there() ? windows() : undefined,
  });
  ObjectDefineProperty(whole, "call", { __proto__: null, enumerable: true, get: kit.currentCall });
  return ObjectFreeze(whole);
}

return { lazaret };
})();
