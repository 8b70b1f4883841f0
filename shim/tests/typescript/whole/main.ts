import { Color, type Shade } from './lib/color.mts';
import data from './lib/data.json' with { type: 'json' };
import type { Nowhere } from './lib/nowhere.ts';
import { twice } from './lib/twice.js';

class Point {
  constructor(private readonly x: number) {}
  get = (): number => this.x;
}

const late = async (): Promise<string> => (await import('./lib/late.ts')).late;

export const f = async (shade: Shade): Promise<unknown[]> => {
  const nowhere: Nowhere | undefined = undefined;
  return [Color.Green, Color.best, Color[shade], twice(data.n), new Point(3).get(), await late(), import.meta.url, nowhere ?? 0];
};
