/** Where each step is drawn: layers from top to bottom, nested steps inside of theirs. */
import type { ELK, ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk-api.js';
import type { Graph, Section, StepNode } from './build';

export interface Point {
  x: number;
  y: number;
}

export interface Box extends Point {
  width: number;
  height: number;
}

export interface Layout {
  /** Relative to what is around. */
  boxes: Map<string, Box>;
  /** Of the whole drawing. */
  routes: Map<string, Point[]>;
}

/** What stands for the start of a run. */
export const START = '@start';
/** What stands around the steps of a section that comes after the others. */
export const frameOf = (section: Section): string => `@${section}`;

export const WIDTH = 232;
const HEIGHT = 58;
const LINE = 22;
const HEAD = 52;

/** How tall a step's card is: a line for what stands beside its name, one for its cases. */
export function heightOf(step: StepNode): number {
  const marks = step.condition ?? step.loop ?? step.until ?? step.onError ?? step.retries ?? step.credential;
  return HEIGHT + (marks !== undefined || step.compensated ? LINE : 0) + (step.cases?.length ? LINE : 0);
}

export function startHeight({ start }: Graph): number {
  return 46 + LINE * Math.max(1, start.triggers.length);
}

/** Steps without anyone before them in their section: where a run begins. */
export function firstSteps({ steps, edges }: Graph): StepNode[] {
  const after = new Set(edges.map(({ to }) => to));
  return steps.filter(({ key, parent, section }) => section === 'steps' && !parent && !after.has(key));
}

/** From so many steps on, a good drawing soon is better than the best one late. */
const LARGE = 150;

const options = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.spacing.nodeNode': '36',
  'elk.spacing.edgeNode': '20',
  'elk.spacing.edgeEdge': '14',
  'elk.layered.spacing.nodeNodeBetweenLayers': '52',
  'elk.layered.spacing.edgeNodeBetweenLayers': '22',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
  'elk.separateConnectedComponents': 'false',
};
const inside = { ...options, 'elk.padding': `[top=${HEAD},left=20,bottom=20,right=20]` };

/** The drawing as ELK reads it. */
export function drawing(graph: Graph): ElkNode {
  const nodes = new Map<string, ElkNode>();
  const all: ElkNode = { id: '@', layoutOptions: options, children: [], edges: [] };
  const add = (around: ElkNode, node: ElkNode) => {
    nodes.set(node.id, node);
    around.children = [...(around.children ?? []), node];
  };
  add(all, { id: START, width: WIDTH, height: startHeight(graph) });
  const frame = (section: Section): ElkNode => {
    if (section === 'steps') return all;
    const id = frameOf(section);
    if (!nodes.has(id)) add(all, { id, layoutOptions: inside, children: [], edges: [] });
    return nodes.get(id) ?? all;
  };
  for (const step of graph.steps) {
    const around = (step.parent === undefined ? undefined : nodes.get(step.parent)) ?? frame(step.section);
    add(
      around,
      step.group
        ? { id: step.key, layoutOptions: inside, children: [], edges: [] }
        : { id: step.key, width: WIDTH, height: heightOf(step) },
    );
  }
  const around = new Map<string, ElkNode>();
  for (const node of [all, ...nodes.values()])
    for (const child of node.children ?? []) around.set(child.id, node);
  for (const { key, from, to } of graph.edges) {
    const place = around.get(from);
    const edge: ElkExtendedEdge = { id: key, sources: [from], targets: [to] };
    if (place && around.get(to) === place) place.edges = [...(place.edges ?? []), edge];
  }
  for (const { key } of firstSteps(graph)) {
    all.edges?.push({ id: `${START}>${key}`, sources: [START], targets: [key] });
  }
  // What comes after the others is drawn below them.
  const before = new Set(all.edges?.flatMap(({ sources }) => sources));
  const last = all.children?.filter(({ id }) => !before.has(id) && !id.startsWith('@')) ?? [];
  for (const section of ['on_failure', 'finally'] as const) {
    if (!nodes.has(frameOf(section))) continue;
    for (const { id } of last.slice(0, 8)) {
      all.edges?.push({ id: `${id}~${section}`, sources: [id], targets: [frameOf(section)] });
    }
  }
  for (const node of nodes.values()) {
    // A loop that is still empty is as large as a step.
    if (node.children?.length === 0) Object.assign(node, { width: WIDTH, height: HEAD + 40 });
  }
  if (graph.steps.length > LARGE) all.layoutOptions = { ...options, 'elk.layered.thoroughness': '2' };
  return all;
}

/** Lays a graph out. */
export async function layout(graph: Graph, elk: Pick<ELK, 'layout'>): Promise<Layout> {
  const done: Layout = { boxes: new Map(), routes: new Map() };
  const read = (node: ElkNode, at: Point): void => {
    for (const edge of node.edges ?? []) {
      const points = (edge.sections ?? []).flatMap((section) => [
        section.startPoint,
        ...(section.bendPoints ?? []),
        section.endPoint,
      ]);
      done.routes.set(
        edge.id,
        points.map(({ x, y }) => ({ x: x + at.x, y: y + at.y })),
      );
    }
    for (const child of node.children ?? []) {
      const box = {
        x: child.x ?? 0,
        y: child.y ?? 0,
        width: child.width ?? WIDTH,
        height: child.height ?? HEIGHT,
      };
      done.boxes.set(child.id, box);
      read(child, { x: at.x + box.x, y: at.y + box.y });
    }
  };
  read(await elk.layout(drawing(graph)), { x: 0, y: 0 });
  return done;
}

/** What a layout depends on: the same shape is laid out the same. */
export function shapeOf(graph: Graph): string {
  const steps = graph.steps.map(
    (step) => `${step.key}:${step.parent ?? step.section}:${step.group ? 0 : heightOf(step)}`,
  );
  return [startHeight(graph), ...steps, ...graph.edges.map(({ key }) => key)].join(' ');
}
