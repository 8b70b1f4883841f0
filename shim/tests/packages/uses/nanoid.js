import { customAlphabet, nanoid } from 'nanoid';

export const use = () => [nanoid().length, nanoid() !== nanoid(), /^[ab]{10}$/.test(customAlphabet('ab', 10)())];
export const expected = [21, true, true];
