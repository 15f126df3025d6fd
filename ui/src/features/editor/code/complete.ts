/** What may stand at the cursor: names in an expression, words of the language around it. */
import type {
  Completion,
  CompletionContext,
  CompletionResult,
  CompletionSource,
} from '@codemirror/autocomplete';
import { readable } from '../acts';
import type { Editor } from '../editor';
import { kindOf, kinds, words } from '../nodes';

const options = (labels: readonly string[], type: string): Completion[] =>
  labels.map((label) => ({ label, type }));
const roots = [
  'inputs',
  'steps',
  'item',
  'index',
  'event',
  'trigger',
  'run',
  'attempt',
  'tenant',
  'now',
  'error',
];

/** Names that an expression may read, after what stands before the cursor. */
export function expressionOptions(
  editor: Editor,
  before: string,
): { from: number; options: Completion[] } | undefined {
  const path = /(?:[a-z_]\w*\??\.)*\w*$/.exec(before)?.[0] ?? '';
  const parts = path.replace(/\?/g, '').split('.');
  const last = parts.pop() ?? '';
  const from = before.length - last.length;
  const known = readable(editor);
  if (parts.length === 0) return { from, options: options(roots, 'variable') };
  const [root, id = ''] = parts;
  if (root === 'inputs' && parts.length === 1) return { from, options: options(known.inputs, 'property') };
  if (root === 'steps' && parts.length === 1) return { from, options: options(known.steps, 'property') };
  if (root === 'steps' && parts.length === 2)
    return { from, options: options(known.fields[id] ?? [], 'property') };
  if (root === 'run' && parts.length === 1) return { from, options: options(['id', 'steps'], 'property') };
  if (root === 'run' && parts.length === 2) return { from, options: options(known.steps, 'property') };
  if (root === 'run') return { from, options: options(['status', 'error'], 'property') };
  if (root === 'error') return { from, options: options(['code', 'message'], 'property') };
  return undefined;
}

/** Whether the cursor stands in an expression; what stands before it there. */
export function inExpression(text: string): string | undefined {
  const opened = text.lastIndexOf('${{');
  if (opened < 0 || text.indexOf('}}', opened) >= 0) return undefined;
  return text.slice(opened + 3);
}

function around(context: CompletionContext): string[] {
  const path: string[] = [];
  const line = context.state.doc.lineAt(context.pos);
  let column = /^\s*/.exec(line.text)?.[0].length ?? 0;
  for (let number = line.number - 1; number > 0 && column > 0; number -= 1) {
    const [, indent = '', key] = /^(\s*)([A-Za-z0-9_-]+):/.exec(context.state.doc.line(number).text) ?? [];
    if (key !== undefined && indent.length < column) {
      path.unshift(key);
      column = indent.length;
    }
  }
  return path;
}

function usesNear(context: CompletionContext): string | undefined {
  const line = context.state.doc.lineAt(context.pos);
  for (let number = line.number; number > Math.max(0, line.number - 20); number -= 1) {
    const found = /\buses:\s*([\w.@]+)/.exec(context.state.doc.line(number).text)?.[1];
    if (found) return found;
  }
  return undefined;
}

const keys = (labels: readonly string[]): Completion[] =>
  labels.map((label) => ({ label, type: 'keyword', apply: `${label}: ` }));

/** Completion of a workflow's text. */
export function completeWorkflow(editor: Editor): CompletionSource {
  return (context): CompletionResult | null => {
    const line = context.state.doc.lineAt(context.pos);
    const text = line.text.slice(0, context.pos - line.from);
    const before =
      inExpression(text) ??
      (/^\s*(?:if|until|filter):\s+(?!['"])(.*)$/.exec(text)?.[1] as string | undefined);
    if (before !== undefined) {
      const found = expressionOptions(editor, before);
      return found ? { from: context.pos - (before.length - found.from), options: found.options } : null;
    }
    const uses = /\buses:\s*([\w.@]*)$/.exec(text);
    if (uses)
      return {
        from: context.pos - (uses[1]?.length ?? 0),
        options: options(
          kinds.map((kind) => kind.uses),
          'class',
        ),
      };
    const key = /^\s*([\w]*)$/.exec(text);
    if (!key || (!context.explicit && !key[1])) return null;
    const from = context.pos - (key[1]?.length ?? 0);
    const path = around(context);
    const last = path.at(-1);
    if (path.length === 0) return { from, options: keys(words.workflow) };
    if (last === 'with')
      return { from, options: keys(kindOf(usesNear(context))?.fields.map(({ name }) => name) ?? []) };
    if (path.at(-2) === 'triggers') return { from, options: keys(words.trigger) };
    if (['steps', 'on_failure', 'finally'].includes(path.at(-2) ?? ''))
      return { from, options: keys(words.step) };
    return null;
  };
}

/** Completion of one field: an expression, or a text with expressions in it. */
export function completeField(editor: Editor, bare: boolean): CompletionSource {
  return (context) => {
    const text = context.state.sliceDoc(0, context.pos);
    const before = inExpression(text) ?? (bare ? text : undefined);
    if (before === undefined) return null;
    const found = expressionOptions(editor, before);
    if (!found || (!context.explicit && !/[\w.]$/.test(before))) return null;
    return { from: context.pos - (before.length - found.from), options: found.options };
  };
}
