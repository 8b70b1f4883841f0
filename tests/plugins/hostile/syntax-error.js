// The third line after this one does not close what it opens.
export function fine() {
  return 1;
} export const broken = (;
