import { parse } from 'csv-parse/sync';

export const use = () => parse('name,city\n"Ada, L.",Kobe\nBob,"a ""b"""\n', { columns: true });
export const expected = [{ name: 'Ada, L.', city: 'Kobe' }, { name: 'Bob', city: 'a "b"' }];
