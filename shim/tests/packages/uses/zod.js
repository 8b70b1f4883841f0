import * as z from 'zod';

export const use = () => {
  const User = z.object({ name: z.string().min(2), age: z.coerce.number().int().optional(), tags: z.array(z.enum(['a', 'b'])).default([]) });
  const bad = User.safeParse({ name: 'x', tags: ['c'] });
  return [User.parse({ name: 'Ada', age: '36' }), bad.success, bad.error.issues.map((issue) => issue.path.join('.'))];
};
export const expected = [{ name: 'Ada', age: 36, tags: [] }, false, ['name', 'tags.0']];
