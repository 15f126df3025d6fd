/** The file being edited: one text, what it draws, what is chosen. */
import { createContext, useContext, useSyncExternalStore } from 'react';
import { type Graph, graphOf } from './graph/build';
import { type Fault, faultsOf } from './graph/check';
import { begun, changed, type History, redone, settled, undone } from './graph/history';
import type { Patch } from './graph/patch';
import { type Source, sourceOf } from './graph/source';

export interface State {
  history: History;
  /** The text as last read; a text that is being typed is read a little later. */
  source: Source;
  graph: Graph;
  faults: Fault[];
  chosen: ReadonlySet<string>;
  /** The edge that is chosen. */
  edge?: string;
  /** The name of the file it came from. */
  file: string;
  /** The text as it was opened or saved last. */
  saved: string;
}

const READ_AFTER = 180;
/** A pause of the hand after which what comes is undone apart. */
const PAUSE = 900;

function readOf(text: string): Pick<State, 'source' | 'graph' | 'faults'> {
  const source = sourceOf(text);
  return { source, graph: graphOf(source), faults: faultsOf(source) };
}

export class Editor {
  private readonly listeners = new Set<() => void>();
  private reading: ReturnType<typeof setTimeout> | undefined;
  private pausing: ReturnType<typeof setTimeout> | undefined;
  state: State;

  constructor(text: string, file: string) {
    this.state = { history: begun(text), ...readOf(text), chosen: new Set(), file, saved: text };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private set(next: Partial<State>): void {
    this.state = { ...this.state, ...next };
    for (const listener of this.listeners) listener();
  }

  get text(): string {
    return this.state.history.text;
  }

  /** The text as it stands, read. */
  get source(): Source {
    this.read();
    return this.state.source;
  }

  /** Reads what was typed. */
  private read(): void {
    clearTimeout(this.reading);
    if (this.state.source.text === this.text) return;
    const next = readOf(this.text);
    // While a text is broken, the drawing stays as it was.
    const broken = next.source.doc.errors.length > 0;
    const graph = broken ? this.state.graph : next.graph;
    const known = new Set(graph.steps.map(({ key }) => key));
    const chosen = [...this.state.chosen].filter((key) => key.startsWith('@') || known.has(key));
    const same = chosen.length === this.state.chosen.size;
    this.set({ ...next, graph, chosen: same ? this.state.chosen : new Set(chosen) });
  }

  /** Changes the text; not while it is broken, for nobody knows then what stands where. */
  change(make: (source: Source) => Patch, kind?: string): boolean {
    const source = this.source;
    if (source.doc.errors.length > 0) return false;
    const patch = make(source);
    if (patch.length === 0) return false;
    this.set({ history: changed(this.state.history, patch, kind) });
    this.read();
    return true;
  }

  /** Changes the text as it is typed. */
  type(patch: Patch): void {
    this.set({ history: changed(this.state.history, patch, 'typing') });
    clearTimeout(this.reading);
    this.reading = setTimeout(() => this.read(), READ_AFTER);
    clearTimeout(this.pausing);
    this.pausing = setTimeout(() => this.settle(), PAUSE);
  }

  /** What comes next is undone apart. */
  settle(): void {
    const history = settled(this.state.history);
    if (history !== this.state.history) this.set({ history });
  }

  undo(): void {
    this.set({ history: undone(this.state.history) });
    this.read();
  }

  redo(): void {
    this.set({ history: redone(this.state.history) });
    this.read();
  }

  choose(keys: Iterable<string>): void {
    this.set({ chosen: new Set(keys), edge: undefined });
  }

  chooseEdge(edge: string | undefined): void {
    this.set({ edge, ...(edge ? { chosen: new Set<string>() } : {}) });
  }

  /** Begins with another file. */
  open(text: string, file: string): void {
    clearTimeout(this.reading);
    this.set({
      history: begun(text),
      ...readOf(text),
      chosen: new Set(),
      edge: undefined,
      file,
      saved: text,
    });
  }

  /** The text is safe as it stands. */
  keep(): void {
    this.set({ saved: this.text });
  }
}

export const EditorContext = createContext<Editor | undefined>(undefined);

export function useEditor(): Editor {
  const editor = useContext(EditorContext);
  if (!editor) throw new Error('outside of an editor');
  return editor;
}

/** A part of the state; the component is drawn again when this part changes. */
export function useEdited<T>(select: (state: State) => T): T {
  const editor = useEditor();
  return useSyncExternalStore(editor.subscribe, () => select(editor.state));
}
