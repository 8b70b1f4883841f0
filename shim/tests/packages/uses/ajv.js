import Ajv from 'ajv';

const schema = {
  type: 'object',
  properties: { name: { type: 'string', minLength: 2 }, age: { type: 'integer', minimum: 0 } },
  required: ['name'],
  additionalProperties: false,
};
export const use = () => {
  const validate = new Ajv({ allErrors: true }).compile(schema);
  const good = validate({ name: 'Ada', age: 36 });
  validate({ name: 'A', age: -1, other: 1 });
  return [good, validate.errors.map((error) => error.instancePath + ' ' + error.keyword)];
};
export const expected = [true, [' additionalProperties', '/name minLength', '/age minimum']];
