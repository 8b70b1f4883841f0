export const f = () => import('./bad.ts').catch((error: Error) => [error.name, error.message]);
