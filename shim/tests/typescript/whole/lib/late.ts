export const late = 'late' satisfies string;
