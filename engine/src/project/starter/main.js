// Each function that `plugin.yaml` lists is exported here.

/**
 * @param {Plugin.Parameters["greet"]} parameters
 * @returns {Plugin.Results["greet"]}
 */
export function greet({ name }) {
  console.log("greeting", name);
  return { greeting: `Hello, ${name}!` };
}
