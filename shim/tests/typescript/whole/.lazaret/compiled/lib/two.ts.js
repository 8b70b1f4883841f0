export const two = await Promise.resolve(2);
