/** One value as code: a text, an expression, or a text with expressions in it. */
import { autocompletion, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap, tooltips } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import { useEditor } from '../editor';
import { completeField } from './complete';
import { look } from './look';
import { rhai } from './rhai';

const PAUSE = 350;

export function CodeField(props: {
  label: string;
  value: string;
  /** The whole is an expression, without `${{ }}`. */
  bare?: boolean;
  lines?: boolean;
  invalid?: boolean;
  onValue: (value: string) => void;
}) {
  const { label, value, bare = false, lines = false, invalid = false } = props;
  const editor = useEditor();
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    if (!place.current) return;
    let pause: ReturnType<typeof setTimeout> | undefined;
    const tell = () => {
      clearTimeout(pause);
      pause = undefined;
      const now = view.current?.state.doc.toString() ?? '';
      if (now !== latest.current.value) latest.current.onValue(now);
    };
    const made = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          history(),
          bare ? rhai : [],
          look,
          EditorView.lineWrapping,
          tooltips({ position: 'fixed' }),
          autocompletion({ override: [completeField(editor, bare)] }),
          EditorView.contentAttributes.of({ 'aria-label': label, 'aria-multiline': String(lines) }),
          keymap.of([...completionKeymap, ...historyKeymap, ...defaultKeymap]),
          lines
            ? []
            : EditorState.transactionFilter.of((change) =>
                change.newDoc.lines > 1 && !latest.current.value.includes('\n') ? [] : change,
              ),
          EditorView.domEventHandlers({
            blur: () => {
              if (pause !== undefined) tell();
            },
          }),
          EditorView.updateListener.of((update) => {
            if (!update.docChanged || !update.view.hasFocus) return;
            clearTimeout(pause);
            pause = setTimeout(tell, PAUSE);
          }),
        ],
      }),
    });
    view.current = made;
    return () => {
      if (pause !== undefined) tell();
      made.destroy();
      view.current = undefined;
    };
  }, [editor, bare, lines, label]);

  useEffect(() => {
    const made = view.current;
    if (!made || made.hasFocus || made.state.doc.toString() === value) return;
    made.dispatch({ changes: { from: 0, to: made.state.doc.length, insert: value } });
  }, [value]);

  return (
    <div
      ref={place}
      data-invalid={invalid}
      className="min-h-9 rounded-md border border-input bg-card px-1 py-1.5 focus-within:outline-2 focus-within:outline-ring data-[invalid=true]:border-destructive [&_.cm-content]:p-0"
    />
  );
}
