import { delay, filter, from, lastValueFrom, map, scan, toArray } from 'rxjs';

export const use = () =>
  lastValueFrom(from([1, 2, 3, 4]).pipe(filter((n) => n % 2 === 0), map((n) => n * 10), scan((sum, n) => sum + n), delay(1), toArray()));
export const expected = [20, 60];
