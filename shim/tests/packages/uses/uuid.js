import { v4, v5, validate, version } from 'uuid';

export const use = () => {
  const random = v4();
  return [validate(random), version(random), v5('example.com', '6ba7b810-9dad-11d1-80b4-00c04fd430c8')];
};
export const expected = [true, 4, 'cfbff0d1-9375-5685-968c-48ce8b15ae17'];
