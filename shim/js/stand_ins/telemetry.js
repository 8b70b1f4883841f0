// Nothing is traced.
(function () {
const { internals } = __bootstrap;
internals.__telemetry = {
  __proto__: null,
  DID_NOT_ENTER: undefined,
  TRACING_ENABLED: false,
  enterSpan() {},
  exitSpan() {},
};
return internals.__telemetry;
})();
