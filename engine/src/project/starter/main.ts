// Each function that `plugin.yaml` lists is exported here.

export function greet({ name }: Plugin.Parameters["greet"]): Plugin.Results["greet"] {
  console.log("greeting", name);
  return { greeting: `Hello, ${name}!` };
}
