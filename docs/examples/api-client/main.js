// Asks an HTTP API and makes something of its answers.

const API = "https://api.example.com";

/** The newest release of a project, or null where there is none. */
export async function newest({ project, api = API }) {
  const releases = await ask(`${api}/v1/projects/${encodeURIComponent(project)}/releases`);
  releases.sort((one, other) => other.date.localeCompare(one.date));
  return releases[0]?.version ?? null;
}

async function ask(url) {
  const answer = await fetch(url, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  return await answer.json();
}
