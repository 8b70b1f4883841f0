export enum Color {
  Red,
  Green = Red + 4,
}
export type Shade = 0 | 4;
export namespace Color {
  export const best = 4;
}
