/** The graph that a file draws: its steps, and who waits for whom. */
import { isMap, isScalar, type Node, type Pair, type Scalar } from 'yaml';
import { controlReferences, type Reference, referencesBelow } from './references';
import { nameOf, nodeAt, type Path, type Source } from './source';

export const sections = ['steps', 'on_failure', 'finally'] as const;
export type Section = (typeof sections)[number];

/** A step as it is drawn. */
export interface StepNode {
  /** Its id; a later step with the same id has a sign behind it. */
  key: string;
  id: string;
  path: Path;
  section: Section;
  /** The step whose `steps` it is one of. */
  parent?: string;
  /** Holds nested steps. */
  group: boolean;
  uses?: string;
  /** What its author wrote beside it. */
  about?: string;
  condition?: string;
  loop?: string;
  until?: string;
  cases?: string[];
  join?: string;
  retries?: string;
  onError?: string;
  credential?: string;
  compensated: boolean;
}

export type Link = 'order' | 'data' | 'case' | 'failure';

/** One step waits for another. */
export interface Edge {
  key: string;
  from: string;
  to: string;
  link: Link;
  label?: string;
  /** Written in `needs`, so it can be taken out. */
  written: boolean;
}

/** What starts a run. */
export interface Start {
  name?: string;
  title?: string;
  triggers: { name: string; kind: string; detail: string }[];
  inputs: string[];
}

export interface Graph {
  start: Start;
  steps: StepNode[];
  edges: Edge[];
}

const textOf = (node: unknown): string | undefined => {
  if (isScalar(node)) return node.value === null ? undefined : String(node.value);
  return undefined;
};

const bareOf = (node: unknown): string | undefined =>
  textOf(node)
    ?.replace(/^\s*\$\{\{\s*|\s*\}\}\s*$/g, '')
    .trim();

function stepOf(pair: Pair<Scalar, Node | null>, path: Path, section: Section, parent?: string): StepNode {
  const id = nameOf(pair);
  const step: StepNode = { key: id, id, path, section, parent, group: false, compensated: false };
  const map = pair.value;
  const comment = [pair.key.commentBefore, map?.commentBefore, map?.comment].find(Boolean);
  if (comment) step.about = comment.replace(/^ ?/gm, '').trim();
  if (!isMap(map)) return step;
  step.uses = textOf(map.get('uses', true));
  step.group = isMap(map.get('steps', true));
  step.condition = bareOf(map.get('if', true));
  step.loop = map.has('for_each') ? (bareOf(map.get('for_each', true)) ?? '[…]') : undefined;
  step.until = bareOf(map.getIn(['repeat', 'until'], true));
  step.join = textOf(map.get('join', true));
  step.credential = textOf(map.get('credential', true));
  step.compensated = map.has('compensate');
  if (map.has('retry')) step.retries = textOf(map.getIn(['retry', 'max_attempts'], true)) ?? '3';
  step.onError = textOf(map.get('on_error', true)) ?? textOf(map.getIn(['on_error', 'step'], true));
  if (step.uses === 'switch') {
    const cases = map.getIn(['with', 'cases'], true);
    const otherwise = textOf(map.getIn(['with', 'default'], true));
    step.cases = [...(isMap(cases) ? cases.items.map((each) => nameOf(each as Pair)) : [])];
    if (otherwise && !step.cases.includes(otherwise)) step.cases.push(otherwise);
  }
  return step;
}

/** Where a drawn step came from. */
const written = new WeakMap<StepNode, Node | null>();

/** Every step of the file, each before what is nested in it. */
export function stepsOf(source: Source): StepNode[] {
  const found: StepNode[] = [];
  const keys = new Set<string>();
  const walk = (map: unknown, path: Path, section: Section, parent?: string): void => {
    if (!isMap(map)) return;
    for (const item of map.items) {
      const pair = item as Pair<Scalar, Node | null>;
      const step = stepOf(pair, [...path, nameOf(pair)], section, parent);
      while (keys.has(step.key)) step.key += '+';
      keys.add(step.key);
      written.set(step, pair.value);
      found.push(step);
      if (step.group && isMap(pair.value)) {
        walk(pair.value.get('steps', true), [...step.path, 'steps'], section, step.key);
      }
    }
  };
  for (const section of sections) walk(nodeAt(source, [section]), [section], section);
  return found;
}

/** What a step itself names: not what is nested in it. */
export function namedBy(source: Source, step: StepNode, children: ReadonlySet<string>): Reference[] {
  const node = written.get(step) ?? nodeAt(source, step.path);
  const known = (parent: string | undefined, id: string) => children.has(`${parent ?? ''}/${id}`);
  return [
    ...controlReferences(source, node),
    ...referencesBelow(source, node, known, (key) => key === 'steps'),
  ];
}

/** Pairs `parent/id` of nested steps. */
export function nestings(steps: readonly StepNode[]): Set<string> {
  const ids = new Map(steps.map(({ key, id }) => [key, id]));
  return new Set(
    steps.filter(({ parent }) => parent).map(({ parent, id }) => `${ids.get(parent ?? '')}/${id}`),
  );
}

const order: Link[] = ['data', 'order', 'case', 'failure'];

function edgesOf(source: Source, steps: StepNode[]): Edge[] {
  const byKey = new Map(steps.map((step) => [step.key, step]));
  const around = (key: string): string[] => {
    const up: string[] = [];
    for (let step = byKey.get(key); step; step = step.parent ? byKey.get(step.parent) : undefined)
      up.push(step.key);
    return up.reverse();
  };
  const children = nestings(steps);
  const edges = new Map<string, Edge>();
  const cases = new Map<string, string[]>();
  for (const step of steps) {
    for (const reference of namedBy(source, step, children)) {
      if (!byKey.has(reference.id)) continue;
      const [one, other] = [around(reference.id), around(step.key)];
      let level = 0;
      while (one[level] !== undefined && one[level] === other[level]) level += 1;
      const [from, to] = [one[level], other[level]];
      if (from === undefined || to === undefined) continue; // a loop and its own inside
      const stands = reference.kind === 'stand_in';
      const link: Link = stands
        ? 'failure'
        : reference.case
          ? 'case'
          : reference.kind === 'need'
            ? 'order'
            : 'data';
      const [source_, target] = stands ? [to, from] : [from, to];
      const key = stands ? `${source_}!${target}` : `${source_}>${target}`;
      if (reference.case) cases.set(key, [...(cases.get(key) ?? []), reference.case]);
      const written = reference.kind === 'need';
      const known = edges.get(key);
      if (!known) edges.set(key, { key, from: source_, to: target, link, written });
      else {
        known.written ||= written;
        if (order.indexOf(link) > order.indexOf(known.link)) known.link = link;
      }
    }
  }
  for (const [key, names] of cases) {
    const edge = edges.get(key);
    if (edge) edge.label = [...new Set(names)].join(', ');
  }
  // Whoever stands in reads the failed step's place: its error comes from there, never an output.
  for (const edge of [...edges.values()]) {
    if (edge.link === 'failure') edges.delete(`${edge.to}>${edge.from}`);
  }
  return [...edges.values()];
}

function startOf(source: Source): Start {
  const triggers = nodeAt(source, ['triggers']);
  const inputs = nodeAt(source, ['inputs']);
  const start: Start = {
    name: textOf(nodeAt(source, ['name'])),
    title: textOf(nodeAt(source, ['title'])),
    triggers: [],
    inputs: isMap(inputs) ? inputs.items.map((pair) => nameOf(pair as Pair)) : [],
  };
  if (!isMap(triggers)) return start;
  for (const item of triggers.items) {
    const pair = item as Pair<Scalar, Node | null>;
    const map = pair.value;
    if (!isMap(map)) continue;
    const kind = ['schedule', 'webhook', 'event', 'failure_of'].find((each) => map.has(each)) ?? 'manual';
    const said: unknown = map.toJS(source.doc)[kind];
    const detail =
      kind === 'schedule'
        ? ((said as { cron?: string })?.cron ?? String(said ?? ''))
        : kind === 'webhook'
          ? ((said as { path?: string })?.path ?? '')
          : Array.isArray(said)
            ? said.join(', ')
            : typeof said === 'string'
              ? said
              : ((said as { name?: string })?.name ?? '');
    start.triggers.push({ name: nameOf(pair), kind, detail });
  }
  return start;
}

/** Draws a file. */
export function graphOf(source: Source): Graph {
  const steps = stepsOf(source);
  return { start: startOf(source), steps, edges: edgesOf(source, steps) };
}
