/** The file itself, beside its drawing. */
import { autocompletion, closeBrackets, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, indentWithTab } from '@codemirror/commands';
import { bracketMatching, foldGutter, foldKeymap, indentOnInput } from '@codemirror/language';
import { type Diagnostic, lintGutter, setDiagnostics } from '@codemirror/lint';
import { Annotation, EditorState } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useEditor } from '../editor';
import { difference, type Splice } from '../graph/patch';
import { nodeAt, pairOf } from '../graph/source';
import { useFaultWords } from '../problems';
import { completeWorkflow } from './complete';
import { look } from './look';
import { workflowLanguage } from './rhai';

/** Changes that come from the drawing, not from typing. */
const outside = Annotation.define<boolean>();

export function CodePane() {
  const { t } = useTranslation();
  const editor = useEditor();
  const say = useFaultWords();
  const place = useRef<HTMLDivElement>(null);
  const words = useRef(say);
  words.current = say;

  const label = t('ui.editor.code');
  useEffect(() => {
    if (!place.current) return;
    const undo = () => {
      editor.undo();
      return true;
    };
    const redo = () => {
      editor.redo();
      return true;
    };
    const view = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: editor.text,
        extensions: [
          lineNumbers(),
          foldGutter(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          highlightActiveLine(),
          lintGutter(),
          workflowLanguage(),
          look,
          autocompletion({ override: [completeWorkflow(editor)] }),
          EditorView.contentAttributes.of({ 'aria-label': label }),
          EditorView.domEventHandlers({ blur: () => editor.settle() }),
          keymap.of([
            { key: 'Mod-z', run: undo },
            { key: 'Mod-y', run: redo },
            { key: 'Mod-Shift-z', run: redo },
            ...completionKeymap,
            ...foldKeymap,
            ...defaultKeymap,
            indentWithTab,
          ]),
          EditorView.updateListener.of((update) => {
            if (!update.docChanged || update.transactions.some((each) => each.annotation(outside))) return;
            const patch: Splice[] = [];
            update.changes.iterChanges((from, to, _, __, insert) => {
              patch.push({ from, to, insert: insert.toString() });
            });
            editor.type(patch);
          }),
        ],
      }),
    });

    let text = editor.text;
    let faults = editor.state.faults;
    let chosen = editor.state.chosen;
    const showFaults = () => {
      const length = view.state.doc.length;
      const told = faults.map(
        (fault): Diagnostic => ({
          from: Math.min(fault.from, length),
          to: Math.min(fault.to, length),
          severity: 'error',
          message: words.current(fault),
        }),
      );
      view.dispatch(setDiagnostics(view.state, told));
    };
    const follow = () => {
      const { state } = editor;
      text = editor.text;
      const now = view.state.doc.toString();
      if (now !== text) {
        view.dispatch({ changes: [...difference(now, text)], annotations: outside.of(true) });
      }
      if (state.faults !== faults) {
        faults = state.faults;
        showFaults();
      }
      if (state.chosen !== chosen) {
        chosen = state.chosen;
        const [key] = chosen;
        const step = chosen.size === 1 ? state.graph.steps.find((each) => each.key === key) : undefined;
        const at = step
          ? pairOf(nodeAt(state.source, step.path.slice(0, -1)), step.id)?.key.range?.[0]
          : undefined;
        if (at !== undefined && !view.hasFocus) {
          const line = view.state.doc.lineAt(Math.min(at, view.state.doc.length));
          view.dispatch({
            selection: { anchor: line.from },
            effects: EditorView.scrollIntoView(line.from, { y: 'center' }),
          });
        }
      }
    };
    showFaults();
    const leave = editor.subscribe(follow);
    return () => {
      leave();
      view.destroy();
    };
  }, [editor, label]);

  return <div ref={place} className="h-full min-h-0 overflow-hidden bg-card" />;
}
