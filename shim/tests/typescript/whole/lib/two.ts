export const two: number = await Promise.resolve(2);
