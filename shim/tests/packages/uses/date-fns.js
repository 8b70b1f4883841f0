import { addMonths, differenceInCalendarDays, formatISO, parseISO } from 'date-fns';

export const use = () => [
  formatISO(addMonths(parseISO('2024-01-31'), 1), { representation: 'date' }),
  differenceInCalendarDays(new Date(2024, 2, 1), new Date(2024, 1, 1)),
];
export const expected = ['2024-02-29', 29];
