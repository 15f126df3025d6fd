/** What a person does to steps, wherever the wish comes from: key, menu, palette. */
import type { Editor } from './editor';
import { stepsOf } from './graph/build';
import { valueAt } from './graph/source';
import { addStep, copied, disconnected, freshId, type Place, pasted, removed } from './graph/steps';
import { blank, type NodeKind } from './nodes';

/** Where a new step goes: behind the chosen one, or inside of the chosen empty loop. */
export function placeFor(editor: Editor): Place {
  const steps = stepsOf(editor.source);
  const chosen = steps.filter(({ key }) => editor.state.chosen.has(key)).at(-1);
  if (!chosen) {
    const section = ['on_failure', 'finally'].find((each) => editor.state.chosen.has(`@${each}`));
    return { into: [section ?? 'steps'] };
  }
  if (chosen.group && !steps.some(({ parent }) => parent === chosen.key))
    return { into: [...chosen.path, 'steps'] };
  return { into: chosen.path.slice(0, -1), after: chosen.id };
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of the language
const ITEMS = '${{ inputs.items }}';

/** Adds a step behind the chosen one, which it waits for. */
export function add(editor: Editor, kind: NodeKind | 'loop'): void {
  const place = placeFor(editor);
  const steps = stepsOf(editor.source);
  const before = steps.find(({ key }) => editor.state.chosen.has(key) && key === place.after);
  const wish = kind === 'loop' ? 'loop' : (kind.uses.split(/[.@]/).slice(0, 2).join('_') ?? '');
  const id = freshId(
    steps.map((step) => step.id),
    wish,
  );
  const needs = before ? { needs: [before.id] } : {};
  const given = kind === 'loop' ? {} : blank(kind);
  const value =
    kind === 'loop'
      ? { ...needs, for_each: ITEMS, as: 'item', steps: {} }
      : { uses: kind.uses, ...needs, ...(Object.keys(given).length > 0 ? { with: given } : {}) };
  if (editor.change((source) => addStep(source, place, id, value))) editor.choose([id]);
}

/** Takes out what is chosen. */
export function remove(editor: Editor): void {
  const { edge, graph, chosen } = editor.state;
  const found = graph.edges.find(({ key }) => key === edge);
  if (found) {
    editor.change((source) => disconnected(source, found));
    editor.chooseEdge(undefined);
  } else if (chosen.size > 0) editor.change((source) => removed(source, chosen));
}

/** The chosen steps as text. */
export function copy(editor: Editor): string {
  return copied(editor.source, editor.state.chosen);
}

/** Pastes steps behind the chosen one; false when the text holds none. */
export function paste(editor: Editor, text: string): boolean {
  const found = pasted(editor.source, placeFor(editor), text);
  if (!found) return false;
  editor.change(() => found.patch);
  editor.choose(found.ids);
  return true;
}

/** The step in the direction of an arrow. */
export function neighbour(editor: Editor, key: string, direction: string): string | undefined {
  const { steps, edges } = editor.state.graph;
  const step = steps.find((each) => each.key === key);
  if (!step) return steps[0]?.key;
  if (direction === 'ArrowDown') {
    return edges.find(({ from }) => from === key)?.to ?? steps.find(({ parent }) => parent === key)?.key;
  }
  if (direction === 'ArrowUp') return edges.find(({ to }) => to === key)?.from ?? step.parent;
  const level = steps.filter(({ parent, section }) => parent === step.parent && section === step.section);
  return level[level.indexOf(step) + (direction === 'ArrowRight' ? 1 : -1)]?.key;
}

/** The names that an expression of a step may read. */
export function readable(editor: Editor): {
  steps: string[];
  inputs: string[];
  fields: Record<string, string[]>;
} {
  const { steps } = editor.state.graph;
  const fields: Record<string, string[]> = {};
  for (const step of steps) {
    const given = step.uses === 'set' ? valueAt(editor.state.source, [...step.path, 'with']) : undefined;
    if (given && typeof given === 'object') fields[step.id] = Object.keys(given);
    else if (step.uses === 'switch') fields[step.id] = ['case'];
    else if (step.uses === 'approval') fields[step.id] = ['approved'];
  }
  return { steps: steps.map(({ id }) => id), inputs: editor.state.graph.start.inputs, fields };
}
