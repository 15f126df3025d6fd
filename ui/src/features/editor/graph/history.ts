/** Undo and redo, by the changes that take each other back. */
import { apply, inverse, type Patch } from './patch';

interface Entry {
  back: Patch;
  /** Changes of the same kind in a row are one: typing a word is undone as a word. */
  kind?: string;
}

/** A text and how it came to be. */
export interface History {
  readonly text: string;
  readonly past: readonly Entry[][];
  readonly future: readonly Entry[][];
}

const DEEPEST = 500;

/** A text that nobody has changed yet. */
export const begun = (text: string): History => ({ text, past: [], future: [] });

/** The text after a change, which may be undone. */
export function changed(history: History, patch: Patch, kind?: string): History {
  if (patch.length === 0) return history;
  const entry: Entry = { back: inverse(history.text, patch), kind };
  const last = history.past.at(-1);
  const joins = kind !== undefined && last?.at(-1)?.kind === kind;
  const past = joins
    ? [...history.past.slice(0, -1), [...(last ?? []), entry]]
    : [...history.past, [entry]].slice(-DEEPEST);
  return { text: apply(history.text, patch), past, future: [] };
}

/** No later change joins what was done so far. */
export function settled(history: History): History {
  const last = history.past.at(-1);
  if (!last?.at(-1)?.kind) return history;
  const closed = last.map(({ back }) => ({ back }));
  return { ...history, past: [...history.past.slice(0, -1), closed] };
}

function turned(text: string, entries: readonly Entry[]): { text: string; back: Entry[] } {
  let after = text;
  const back: Entry[] = [];
  for (const entry of entries.toReversed()) {
    back.push({ back: inverse(after, entry.back) });
    after = apply(after, entry.back);
  }
  return { text: after, back };
}

/** The text before the last change. */
export function undone(history: History): History {
  const last = history.past.at(-1);
  if (!last) return history;
  const { text, back } = turned(history.text, last);
  return { text, past: history.past.slice(0, -1), future: [...history.future, back] };
}

/** The text after the change that was undone last. */
export function redone(history: History): History {
  const next = history.future.at(-1);
  if (!next) return history;
  const { text, back } = turned(history.text, next);
  return { text, past: [...history.past, back], future: history.future.slice(0, -1) };
}
