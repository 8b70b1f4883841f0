// `lazaret`: what Deno has no name for. Each part is read when a plugin first looks at it.
(function () {
const { core, primordials } = __bootstrap;
const { ObjectDefineProperty, ObjectFreeze, ObjectKeys } = primordials;
const { loadExtScript } = core;

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
  // There is none where the policy lets the plugin keep nothing, which may change.
  ObjectDefineProperty(whole, "kv", { __proto__: null, enumerable: true, get: () => state().kv() });
  ObjectDefineProperty(whole, "call", { __proto__: null, enumerable: true, get: kit.currentCall });
  return ObjectFreeze(whole);
}

return { lazaret };
})();
