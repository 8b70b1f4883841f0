// `lazaret.secrets`: what stands for each secret of the policy in requests, or the secret itself where the policy
// exposes it.
(function () {
const { core, primordials } = __bootstrap;
const { JSONParse, ObjectFreeze, String } = primordials;
const { op_lazaret_secret, op_lazaret_secret_names } = core.ops;

const secrets = ObjectFreeze({
  get: (name) => op_lazaret_secret(String(name)) ?? undefined,
  names: () => JSONParse(op_lazaret_secret_names()),
});

return { secrets };
})();
