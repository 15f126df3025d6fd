/** Numbers, money, days and durations, as the language in use writes them. */
import { language } from './i18n';

const locales = { fr: 'fr-FR', en: 'en-GB' } as const;
const formats = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>();

const locale = () => locales[language()];

function once<T extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(
  kind: string,
  make: (locale: string) => T,
): T {
  const key = `${kind} ${locale()}`;
  const made = (formats.get(key) as T | undefined) ?? make(locale());
  formats.set(key, made);
  return made;
}

/** An amount in euros; `"12.50"` stays exact. */
export function money(amount: string | number): string {
  const format = once('money', (l) => new Intl.NumberFormat(l, { style: 'currency', currency: 'EUR' }));
  return format.format(amount as Intl.StringNumericLiteral);
}

/** A count. */
export function count(value: number): string {
  return once('count', (l) => new Intl.NumberFormat(l)).format(value);
}

/** A share of one, as a percentage. */
export function percent(share: number): string {
  return once('percent', (l) => new Intl.NumberFormat(l, { style: 'percent' })).format(share);
}

/** A day without its hour. */
export function day(at: string | Date): string {
  const options = { day: 'numeric', month: 'short', year: 'numeric' } as const;
  return once('day', (l) => new Intl.DateTimeFormat(l, options)).format(new Date(at));
}

/** An instant, to the minute. */
export function instant(at: string | Date): string {
  const options = { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' } as const;
  return once('instant', (l) => new Intl.DateTimeFormat(l, options)).format(new Date(at));
}

/** An instant, whole. */
export function instantInFull(at: string | Date): string {
  const options = { dateStyle: 'full', timeStyle: 'medium' } as const;
  return once('full', (l) => new Intl.DateTimeFormat(l, options)).format(new Date(at));
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** How far an instant is from now: `il y a 5 min`. */
export function ago(at: string | Date, now: Date = new Date()): string {
  const format = once('ago', (l) => new Intl.RelativeTimeFormat(l, { numeric: 'auto', style: 'short' }));
  const seconds = (new Date(at).getTime() - now.getTime()) / 1000;
  for (const [unit, length] of steps) {
    if (Math.abs(seconds) >= length) return format.format(Math.trunc(seconds / length), unit);
  }
  return format.format(Math.trunc(seconds), 'second');
}

/** How long something took. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) {
    const format = once('seconds', (l) => new Intl.NumberFormat(l, { maximumFractionDigits: 1 }));
    return `${format.format(seconds)} s`;
  }
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} j`;
}

/** The time between two instants, when both are known. */
export function between(from: string | null | undefined, to: string | null | undefined): number | undefined {
  if (!from || !to) return undefined;
  return Math.max(0, new Date(to).getTime() - new Date(from).getTime());
}

/** A size in bytes. */
export function size(bytes: number): string {
  const format = once('size', (l) => new Intl.NumberFormat(l, { maximumFractionDigits: 1 }));
  if (bytes < 1024) return `${bytes} o`;
  if (bytes < 1_048_576) return `${format.format(bytes / 1024)} Kio`;
  return `${format.format(bytes / 1_048_576)} Mio`;
}
