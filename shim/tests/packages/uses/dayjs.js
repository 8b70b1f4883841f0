import dayjs from 'dayjs';

export const use = () => [
  dayjs('2024-02-28').add(2, 'day').format('YYYY-MM-DD dddd'),
  dayjs('2024-05-05').diff('2024-01-01', 'week'),
];
export const expected = ['2024-03-01 Friday', 17];
