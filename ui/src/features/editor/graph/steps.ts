/** What one does with steps: each operation answers a change of the text. */
import { isMap, isScalar, isSeq, type Node, type Pair, type Scalar } from 'yaml';
import { type Edge, namedBy, nestings, type StepNode, sections, stepsOf } from './build';
import { put, take } from './edit';
import { apply, difference, type Patch, patchOf, type Splice } from './patch';
import { referencesBelow } from './references';
import {
  columnOf,
  entryRange,
  isFlow,
  linesOf,
  nameOf,
  nodeAt,
  type Path,
  pairOf,
  type Source,
  samePath,
  sourceOf,
  valueAt,
} from './source';
import { entries, inline, shifted } from './write';

/** What an id may be. */
export const ID = /^[a-z][a-z0-9_]*$/;

/** One change after another, as one. */
export function inTurn(source: Source, changes: ((source: Source) => Patch)[]): Patch {
  let now = source;
  for (const change of changes) {
    const patch = change(now);
    if (changes.length === 1) return patch;
    if (patch.length > 0) now = sourceOf(apply(now.text, patch));
  }
  return difference(source.text, now.text);
}

/** An id that no step has yet. */
export function freshId(taken: Iterable<string>, wish: string): string {
  const ids = new Set(taken);
  const base =
    wish
      .toLowerCase()
      .replace(/[^a-z0-9_]+/g, '_')
      .replace(/^[^a-z]+|_+$/g, '') || 'step';
  if (!ids.has(base)) return base;
  const stem = base.replace(/_\d+$/, '');
  let number = 2;
  while (ids.has(`${stem}_${number}`)) number += 1;
  return `${stem}_${number}`;
}

/** Where a step goes: into which map, behind which of its steps. */
export interface Place {
  into: Path;
  after?: string;
}

/** Puts the lines of steps (at column 0) into a map of steps. */
export function insertLines(source: Source, { into, after }: Place, lines: string): Patch {
  const map = nodeAt(source, into);
  if (!isMap(map) || map.items.length === 0) {
    const value = sourceOf(lines).doc.toJS() as object;
    if (into.length > 1 || isMap(map)) return fresh(source, into, lines, value);
    return put(source, into, value);
  }
  const pair =
    (after === undefined ? undefined : pairOf(map, after)) ?? (map.items.at(-1) as Pair<Scalar, Node | null>);
  if (isFlow(map)) {
    const text = inline(sourceOf(lines).doc.toJS()).replace(/^\{ ?| ?\}$/g, '');
    const at = entryRange(pair).to;
    return [{ from: at, to: at, insert: `, ${text}` }];
  }
  const { to } = linesOf(source, pair);
  const column = columnOf(source.text, pair.key.range?.[0] ?? 0);
  const before = to > 0 && source.text[to - 1] !== '\n' ? '\n' : '';
  return [{ from: to, to, insert: before + shifted(ended(lines), column) }];
}

/** The first steps of a map that is empty or missing. */
function fresh(source: Source, into: Path, lines: string, value: object): Patch {
  const owner = nodeAt(source, into.slice(0, -1));
  const pair = pairOf(owner, String(into.at(-1)));
  if (!pair || isFlow(owner)) return put(source, into, value);
  const column = columnOf(source.text, pair.key.range?.[0] ?? 0);
  const colon = (pair.key.range?.[1] ?? 0) + source.text.slice(pair.key.range?.[1]).indexOf(':') + 1;
  const to = Math.max(colon, pair.value?.range?.[1] ?? colon);
  return [{ from: colon, to, insert: `\n${shifted(ended(lines), column + 2)}`.trimEnd() }];
}

const ended = (lines: string): string => (lines.endsWith('\n') ? lines : `${lines}\n`);

/** Adds a step. */
export function addStep(source: Source, place: Place, id: string, value: object): Patch {
  return insertLines(source, place, `${entries({ [id]: value }, 0, true)}\n`);
}

/** The lines of a step at column 0, comments included. */
function ownLines(source: Source, step: StepNode): string {
  const map = nodeAt(source, step.path.slice(0, -1));
  const pair = pairOf(map, step.id);
  if (!pair) return '';
  if (isFlow(map)) return `${entries({ [step.id]: valueAt(source, step.path) }, 0, true)}\n`;
  const { from, to } = linesOf(source, pair);
  return ended(shifted(source.text.slice(from, to), -columnOf(source.text, pair.key.range?.[0] ?? 0)));
}

const within = (step: StepNode, other: StepNode): boolean =>
  step !== other && samePath(step.path.slice(0, other.path.length), other.path);

/** Chosen steps without those that go along with one around them, in the order of the file. */
function outermost(source: Source, keys: Iterable<string>): StepNode[] {
  const wanted = new Set(keys);
  const chosen = stepsOf(source).filter(({ key }) => wanted.has(key));
  return chosen.filter((step) => !chosen.some((other) => within(step, other)));
}

/** Steps as text that can be pasted here, into another workflow, or into a mail. */
export function copied(source: Source, keys: Iterable<string>): string {
  return outermost(source, keys)
    .map((step) => ownLines(source, step))
    .join('');
}

/** Whether a text holds steps; the lines of them. */
export function pasteable(text: string): string | undefined {
  const pasted = sourceOf(ended(text.replace(/\r\n?/g, '\n')));
  if (pasted.doc.errors.length > 0 || !isMap(pasted.doc.contents)) return undefined;
  const whole = pasted.doc.contents.get('steps', true);
  if (isMap(whole)) {
    return copied(
      pasted,
      stepsOf(pasted)
        .filter(({ section }) => section === 'steps')
        .map(({ key }) => key),
    );
  }
  const are = pasted.doc.contents.items.every(
    (pair) =>
      ID.test(nameOf(pair as Pair)) &&
      isMap(pair.value) &&
      (pair.value.has('uses') || pair.value.has('steps')),
  );
  if (!are || pasted.doc.contents.items.length === 0) return undefined;
  return isFlow(pasted.doc.contents) ? `${entries(pasted.doc.toJS(), 0)}\n` : pasted.text;
}

/** Pastes steps; those whose id is taken get another, and follow each other under it. */
export function pasted(
  source: Source,
  place: Place,
  text: string,
): { patch: Patch; ids: string[] } | undefined {
  const lines = pasteable(text);
  if (lines === undefined) return undefined;
  const taken = new Set(stepsOf(source).map(({ id }) => id));
  let bag = sourceOf(`steps:\n${shifted(lines, 2)}`);
  const outer: string[] = [];
  for (const { id, parent } of stepsOf(bag)) {
    const now = freshId(taken, id);
    taken.add(now);
    if (parent === undefined) outer.push(now);
    if (now !== id) bag = sourceOf(apply(bag.text, renamed(bag, id, now)));
  }
  return { patch: insertLines(source, place, shifted(bag.text.slice('steps:\n'.length), -2)), ids: outer };
}

/** Gives a step another id; whoever names it follows. */
export function renamed(source: Source, key: string, id: string): Patch {
  const steps = stepsOf(source);
  const step = steps.find((each) => each.key === key);
  if (!step || !ID.test(id) || steps.some((each) => each.id === id)) return [];
  const pair = pairOf(nodeAt(source, step.path.slice(0, -1)), step.id);
  if (!pair) return [];
  const children = nestings(steps);
  const known = (parent: string | undefined, name: string) => children.has(`${parent ?? ''}/${name}`);
  const root = source.doc.contents;
  const elsewhere = isMap(root)
    ? root.items
        .filter((item) => !sections.some((section) => section === nameOf(item as Pair)))
        .flatMap((item) => referencesBelow(source, item.value, known))
    : [];
  const places = [...steps.flatMap((each) => namedBy(source, each, children)), ...elsewhere]
    .filter((reference) => reference.id === step.id)
    .map(({ from, to }): Splice => ({ from, to, insert: id }));
  const [from = 0, to = 0] = pair.key.range ?? [];
  return patchOf([{ from, to, insert: id }, ...places]);
}

/** Takes steps out, and their names out of `needs`; expressions that still read them are left to the check. */
export function removed(source: Source, keys: Iterable<string>): Patch {
  const gone = outermost(source, keys);
  const all = stepsOf(source).filter((step) =>
    gone.some((one) => one === step || one.key === step.key || within(step, one)),
  );
  const ids = new Set(all.map(({ id }) => id));
  const changes = gone.map((step) => (now: Source) => take(now, step.path));
  const unneed = stepsOf(source)
    .filter((step) => !ids.has(step.id))
    .flatMap((step) =>
      needsOf(source, step)
        .filter((need) => ids.has(need.split('.')[0] ?? ''))
        .map((need) => ({ step, need })),
    )
    .map(
      ({ step, need }) =>
        (now: Source) =>
          takeNeed(now, step.path, need),
    );
  return inTurn(source, [...changes, ...unneed]);
}

/** What a step's `needs` say. */
export function needsOf(source: Source, step: StepNode): string[] {
  const value = valueAt(source, [...step.path, 'needs']);
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.map(String) : [];
}

function takeNeed(source: Source, path: Path, need: string): Patch {
  const list = nodeAt(source, [...path, 'needs']);
  if (!isSeq(list)) return isScalar(list) && list.value === need ? take(source, [...path, 'needs']) : [];
  const at = list.items.findIndex((item) => isScalar(item) && item.value === need);
  return at < 0 ? [] : take(source, [...path, 'needs', at]);
}

const stepAt = (source: Source, key: string) => stepsOf(source).find((step) => step.key === key);

/** Makes one step wait for another, or for one case of it. */
export function connected(source: Source, from: string, to: string, chosen?: string): Patch {
  const [one, other] = [stepAt(source, from), stepAt(source, to)];
  if (!one || !other || one === other || one.parent !== other.parent || one.section !== other.section)
    return [];
  const need = chosen === undefined ? one.id : `${one.id}.${chosen}`;
  const needs = needsOf(source, other);
  if (needs.includes(need)) return [];
  const path = [...other.path, 'needs'];
  return needs.length === 0 || !isSeq(nodeAt(source, path))
    ? put(source, path, [...needs, need])
    : put(source, [...path, needs.length], need);
}

/** Takes an order that `needs` wrote back out. */
export function disconnected(source: Source, edge: Pick<Edge, 'from' | 'to'>): Patch {
  const [one, other] = [stepAt(source, edge.from), stepAt(source, edge.to)];
  if (!one || !other) return [];
  const needs = needsOf(source, other).filter((need) => need.split('.')[0] === one.id);
  return inTurn(
    source,
    needs.map((need) => (now: Source) => takeNeed(now, other.path, need)),
  );
}

/** Moves steps elsewhere in the file, with their comments. */
export function moved(source: Source, keys: Iterable<string>, place: Place): Patch {
  const chosen = outermost(source, keys);
  if (chosen.length === 0) return [];
  const inside = chosen.some((step) => samePath(place.into.slice(0, step.path.length), step.path));
  if (inside || chosen.some(({ path, id }) => id === place.after && samePath(path.slice(0, -1), place.into)))
    return [];
  const lines = chosen.map((step) => ownLines(source, step)).join('');
  return inTurn(source, [
    ...chosen.map((step) => (now: Source) => take(now, step.path)),
    (now) => insertLines(now, place, lines),
  ]);
}

/** Every step that comes after one, and itself. */
export function following(edges: readonly Pick<Edge, 'from' | 'to'>[], key: string): Set<string> {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const seen = new Set<string>();
  const open = [key];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    open.push(...(next.get(at) ?? []));
  }
  return seen;
}

/** Whether an edge would close a circle. */
export function closesCircle(edges: readonly Pick<Edge, 'from' | 'to'>[], from: string, to: string): boolean {
  return following(edges, to).has(from);
}
