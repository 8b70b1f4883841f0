import { two } from './two.ts'; export const twice = (n) => n * two;
