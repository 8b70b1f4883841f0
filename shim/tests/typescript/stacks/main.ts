import { deep } from './lib/deep.ts';

interface Long {
  of: string;
  more: number;
}
enum Kind { A, B, C }

export const f = (): Kind => {
  return deep({ of: 'x', more: Kind.C } as Long);
};
export const late = async (): Promise<void> => {
  await null;

  throw new RangeError('late');
};
