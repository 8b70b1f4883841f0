import { all, create } from 'mathjs';

export const use = () => {
  const math = create(all);
  return [
    math.evaluate('sqrt(3^2 + 4^2)'), math.derivative('x^2 + x', 'x').toString(), math.det([[1, 2], [3, 4]]),
    math.unit('5 km').toNumber('m'), math.format(math.bignumber('0.1').plus('0.2')), math.multiply(math.complex(1, 2), math.complex(3, 4)).toString(),
  ];
};
export const expected = [5, '2 * x + 1', -2, 5000, '0.3', '-5 + 10i'];
