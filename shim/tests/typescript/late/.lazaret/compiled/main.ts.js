export const f = () => import("./bad.ts").catch((error) => [error.name, error.message]);
