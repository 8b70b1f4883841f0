// Nothing is traced.
(function () {
const { internals } = __bootstrap;
internals.__telemetryUtil = { __proto__: null };
return internals.__telemetryUtil;
})();
