/** Changes of a text: what every operation answers, and what undo keeps. */

/** One replaced stretch of the text before. */
export interface Splice {
  from: number;
  to: number;
  insert: string;
}

/** Stretches that do not overlap, first to last; all positions are those of the text before. */
export type Patch = readonly Splice[];

/** Splices in the order of the text. */
export function patchOf(splices: Splice[]): Patch {
  return splices
    .filter(({ from, to, insert }) => to > from || insert !== '')
    .sort((one, other) => one.from - other.from || one.to - other.to);
}

/** The text after the change. */
export function apply(text: string, patch: Patch): string {
  let done = 0;
  let after = '';
  for (const { from, to, insert } of patch) {
    after += text.slice(done, from) + insert;
    done = to;
  }
  return after + text.slice(done);
}

/** The change that takes `patch` back, when applied to the text after it. */
export function inverse(text: string, patch: Patch): Patch {
  let moved = 0;
  return patch.map(({ from, to, insert }) => {
    const at = from + moved;
    moved += insert.length - (to - from);
    return { from: at, to: at + insert.length, insert: text.slice(from, to) };
  });
}

/** The smallest single change from one text to another. */
export function difference(before: string, after: string): Patch {
  if (before === after) return [];
  const shortest = Math.min(before.length, after.length);
  let start = 0;
  while (start < shortest && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < shortest - start && before[before.length - 1 - end] === after[after.length - 1 - end])
    end += 1;
  return [{ from: start, to: before.length - end, insert: after.slice(start, after.length - end) }];
}
