/** A calendar of five fields in words, where words are clearer than the fields. */
import { language } from '@/lib/i18n';

const days = (from: number) => {
  const name = new Intl.DateTimeFormat(language(), { weekday: 'long', timeZone: 'UTC' });
  return name.format(new Date(Date.UTC(2024, 0, 7 + from)));
};
const months = (at: number) =>
  new Intl.DateTimeFormat(language(), { month: 'long', timeZone: 'UTC' }).format(
    new Date(Date.UTC(2024, at - 1, 1)),
  );

const list = (words: string[]) => new Intl.ListFormat(language(), { type: 'conjunction' }).format(words);

export interface Cron {
  /** `every_minutes`, `hourly`, `daily`. */
  when:
    | { kind: 'minutes'; step: number }
    | { kind: 'hourly'; minute: number }
    | { kind: 'daily'; times: string };
  days?:
    | { kind: 'weekdays' | 'weekend' }
    | { kind: 'named'; names: string }
    | { kind: 'month'; numbers: string };
  months?: string;
}

/** The numbers of `1,3-5`. */
function numbers(field: string): number[] | undefined {
  const found: number[] = [];
  for (const part of field.split(',')) {
    const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    if (from === undefined) return undefined;
    for (let at = Number(from); at <= Number(to ?? from); at += 1) found.push(at);
  }
  return found;
}

/** What a calendar says, when it says something that has simple words. */
export function cronOf(text: string): Cron | undefined {
  const [minute, hour, day, month, weekday, ...more] = text.trim().split(/\s+/);
  if (!minute || !hour || !day || !month || !weekday || more.length > 0) return undefined;
  const step = /^\*\/(\d+)$/.exec(minute)?.[1] ?? (minute === '*' ? '1' : undefined);
  let when: Cron['when'];
  if (step && hour === '*') when = { kind: 'minutes', step: Number(step) };
  else {
    const [at, ...others] = numbers(minute) ?? [];
    if (at === undefined || others.length > 0) return undefined;
    const hours = hour === '*' ? undefined : numbers(hour);
    if (hour !== '*' && !hours) return undefined;
    when = hours
      ? {
          kind: 'daily',
          times: list(hours.map((each) => `${each} h ${String(at).padStart(2, '0')}`.replace(/ 00$/, ''))),
        }
      : { kind: 'hourly', minute: at };
  }
  const cron: Cron = { when };
  if (weekday !== '*') {
    const found = numbers(weekday)?.map((each) => each % 7);
    if (!found || day !== '*') return undefined;
    const sign = [...new Set(found)].sort().join('');
    cron.days =
      sign === '12345'
        ? { kind: 'weekdays' }
        : sign === '06'
          ? { kind: 'weekend' }
          : { kind: 'named', names: list(found.map(days)) };
  } else if (day !== '*') {
    const found = numbers(day);
    if (!found) return undefined;
    cron.days = { kind: 'month', numbers: list(found.map(String)) };
  }
  if (month !== '*') {
    const found = numbers(month);
    if (!found) return undefined;
    cron.months = list(found.map(months));
  }
  return cron;
}
