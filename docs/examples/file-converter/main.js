// Reads tables as CSV and writes them as JSON.

/** Converts every `.csv` of a directory into another one; gives the names of what it wrote. */
export async function convert({ from = "/srv/converter/in", to = "/srv/converter/out" }) {
  const written = [];
  for await (const { name, isFile } of Deno.readDir(from)) {
    if (!isFile || !name.endsWith(".csv")) continue;
    const table = rows(await Deno.readTextFile(`${from}/${name}`));
    const target = name.replace(/\.csv$/, ".json");
    await Deno.writeTextFile(`${to}/${target}`, JSON.stringify(table, null, 2) + "\n");
    written.push(target);
  }
  return written.sort();
}

// One object for each line, with the first line's names. Enough for tables without quotes.
function rows(text) {
  const [names, ...lines] = text.trim().split(/\r?\n/).map((line) => line.split(","));
  return lines.map((cells) => Object.fromEntries(names.map((name, at) => [name, cells[at] ?? ""])));
}
