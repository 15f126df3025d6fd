/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of workflows look like this */
import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { TooltipProvider } from '@/components/ui/tooltip';
import { Editor, EditorContext } from './editor';
import { EditorPage, Workbench } from './editor-page';
import { put } from './graph/edit';
import { layout } from './graph/layout';
import { cronOf } from './inspector/cron';
import { said, shown } from './inspector/value';
import { blank, kindOf, kinds, optionsOf } from './nodes';

vi.mock('./elk', async () => {
  const { default: Elk } = await import('elkjs/lib/elk.bundled.js');
  const engine = new Elk();
  return { elk: () => Promise.resolve(engine) };
});

beforeAll(() => {
  // jsdom lays nothing out: what React Flow measures is said here.
  for (const size of ['offsetWidth', 'offsetHeight'] as const) {
    Object.defineProperty(HTMLElement.prototype, size, { configurable: true, get: () => 2000 });
  }
  globalThis.ResizeObserver ??= class {
    observe() {}
    unobserve() {}
    disconnect() {}
  };
  Range.prototype.getClientRects = () => [] as unknown as DOMRectList;
  Range.prototype.getBoundingClientRect = () => new DOMRect();
  Element.prototype.scrollIntoView ??= () => {};
  vi.stubGlobal(
    'DOMMatrixReadOnly',
    class {
      m22 = 1;
    },
  );
});

afterEach(cleanup);
vi.setConfig({ testTimeout: 30_000 });

const FILE = `name: calls
# kept
steps:
  one: { uses: set, with: { x: 1 } }   # beside
  two:
    uses: log
    with: { message: 'x is \${{ steps.one.x }}' }
  three: { uses: log, with: { message: hello } }
`;

function open(text = FILE) {
  const editor = new Editor(text, 'calls.yaml');
  render(
    <TooltipProvider>
      <EditorContext value={editor}>
        <Workbench />
      </EditorContext>
    </TooltipProvider>,
  );
  return editor;
}

async function outline() {
  await userEvent.click(screen.getByRole('radio', { name: 'Plan' }));
}

test('a step is renamed in its form, and who reads it follows', async () => {
  const editor = open();
  await outline();
  await userEvent.click(screen.getByRole('button', { name: /^one/ }));
  const name = screen.getByLabelText("Nom de l'étape");
  await userEvent.clear(name);
  await userEvent.type(name, 'first{Enter}');
  expect(editor.text).toBe(FILE.replace('one:', 'first:').replace('steps.one.x', 'steps.first.x'));
});

test('what a step waits for is checked and unchecked; what it reads is not', async () => {
  const editor = open();
  await outline();
  await userEvent.click(screen.getByRole('button', { name: /^two/ }));
  const needs = screen.getByRole('group', { name: 'Attend' });
  expect(within(needs).getByRole('checkbox', { name: /one/ })).toBeDisabled();
  await userEvent.click(within(needs).getByRole('checkbox', { name: /three/ }));
  expect(editor.text).toContain(
    "  two:\n    uses: log\n    with: { message: 'x is ${{ steps.one.x }}' }\n    needs: [three]\n",
  );
  await userEvent.click(within(needs).getByRole('checkbox', { name: /three/ }));
  expect(editor.text).toBe(FILE);
});

test('a step is added from the catalogue behind the chosen one, and undone', async () => {
  const editor = open();
  await outline();
  await userEvent.click(screen.getByRole('button', { name: /^one/ }));
  await userEvent.click(screen.getByRole('button', { name: 'Étape' }));
  await userEvent.type(screen.getByRole('combobox'), 'accord{Enter}');
  expect(editor.text).toContain(
    "  approval:\n    uses: approval\n    needs: [one]\n    with: { title: '' }\n",
  );
  expect(editor.state.chosen).toEqual(new Set(['approval']));
  await userEvent.click(screen.getByRole('button', { name: 'Annuler la dernière modification' }));
  expect(editor.text).toBe(FILE);
});

test('steps are copied and pasted as text, and removed by a key', async () => {
  const editor = open();
  await outline();
  editor.choose(['three']);
  const held = new Map<string, string>();
  const clipboardData = {
    setData: (type: string, text: string) => held.set(type, text),
    getData: (type: string) => held.get(type) ?? '',
  };
  const main = screen.getByRole('main');
  fireEvent.copy(main, { clipboardData });
  expect(held.get('text/plain')).toBe('three: { uses: log, with: { message: hello } }\n');
  fireEvent.paste(main, { clipboardData });
  expect([...editor.state.chosen]).toEqual(['three_2']);
  fireEvent.keyDown(main, { key: 'Delete' });
  expect(editor.text).toBe(FILE);
});

test('problems are said in words and lead to their step', async () => {
  const editor = open(FILE.replace('steps.one.x', 'steps.onne.x'));
  await outline();
  expect(screen.getByRole('status')).toHaveTextContent('1 problème');
  await userEvent.click(screen.getByRole('button', { name: /pas d'étape.*onne/ }));
  expect([...editor.state.chosen]).toEqual(['two']);
});

test('the drawing has every step, and a change draws only what it changed', async () => {
  const editor = open();
  await waitFor(() => expect(document.querySelectorAll('.react-flow__node-step')).toHaveLength(3));
  const before = document.querySelector('[data-id="one"]')?.firstElementChild;
  editor.change((source) => put(source, ['steps', 'three', 'if'], 'true'));
  await waitFor(() => expect(document.querySelector('[data-id="three"]')).toHaveTextContent('true'));
  expect(document.querySelector('[data-id="one"]')?.firstElementChild).toBe(before);
});

test('a broken text keeps the drawing until it is sound again', () => {
  const editor = new Editor(FILE, '');
  editor.type([{ from: FILE.length, to: FILE.length, insert: '  four: {' }]);
  expect(editor.change(() => [{ from: 0, to: 0, insert: 'x' }])).toBe(false);
  expect(editor.state.graph.steps).toHaveLength(3);
  expect(editor.state.faults[0]?.code).toBe('syntax');
  editor.undo();
  expect(editor.state.faults).toEqual([]);
});

test('typing is undone up to the last pause of the hand', () => {
  vi.useFakeTimers();
  const editor = new Editor(FILE, '');
  const type = (text: string) =>
    editor.type([{ from: editor.text.length, to: editor.text.length, insert: text }]);
  type('#');
  type(' a');
  vi.advanceTimersByTime(2000);
  type(' b');
  editor.undo();
  expect(editor.text).toBe(`${FILE}# a`);
  editor.undo();
  expect(editor.text).toBe(FILE);
  vi.useRealTimers();
});

test('an empty page says what to do', () => {
  render(
    <TooltipProvider>
      <EditorPage />
    </TooltipProvider>,
  );
  expect(screen.getByText('Ajoutez une première étape, ou ouvrez un fichier.')).toBeVisible();
});

test('nested steps are laid out inside of theirs', async () => {
  const { elk } = await import('./elk');
  const text =
    'name: a\nsteps:\n  all:\n    for_each: x\n    steps:\n      in: { uses: log }\nfinally:\n  end: { uses: log }\n';
  const { boxes, routes } = await layout(new Editor(text, '').state.graph, await elk());
  const [all, inner] = [boxes.get('all'), boxes.get('in')];
  expect(inner && all && inner.x >= 0 && inner.x + inner.width <= all.width).toBe(true);
  expect(inner && all && inner.y + inner.height <= all.height).toBe(true);
  expect((boxes.get('@finally')?.y ?? 0) > (all?.y ?? 0)).toBe(true);
  expect(routes.get('@start>all')?.length).toBeGreaterThanOrEqual(2);
});

test('every node has words, and a beginning that its form takes', () => {
  expect(kinds.length).toBeGreaterThan(15);
  for (const kind of kinds) {
    expect(kindOf(kind.uses)).toBe(kind);
    for (const field of kind.fields) if (field.required) expect(blank(kind)).toHaveProperty(field.name);
  }
  const method = kindOf('http.request')?.fields.find(({ name }) => name === 'method');
  expect(method && optionsOf(method.schema)).toContain('POST');
  expect(kindOf('http.request@1')?.uses).toBe('http.request');
});

test('values of forms are what they look like', () => {
  expect(said('12', { type: 'integer' })).toEqual({ value: 12 });
  expect(said('1.5', { type: 'integer' })).toBeNull();
  expect(said('${{ inputs.n }}', { type: 'integer' })).toEqual({ value: '${{ inputs.n }}' });
  expect(said('{ a: 1 }', { type: 'object' })).toEqual({ value: { a: 1 } });
  expect(said('[a', { type: 'array' })).toBeNull();
  expect(said(' ', { type: 'string' })).toEqual({ value: undefined });
  expect(shown({ a: [1] })).toBe('a:\n  - 1');
});

test('a calendar is read in words when it has simple ones', () => {
  expect(cronOf('0 6 * * 1-5')).toMatchObject({
    when: { kind: 'daily', times: '6 h' },
    days: { kind: 'weekdays' },
  });
  expect(cronOf('*/15 * * * *')).toEqual({ when: { kind: 'minutes', step: 15 } });
  expect(cronOf('30 8 1 1,7 *')).toMatchObject({ when: { times: '8 h 30' }, months: 'janvier et juillet' });
  expect(cronOf('1,31 */2 * * 1#2')).toBeUndefined();
});
