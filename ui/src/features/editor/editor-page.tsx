/** The visual editor: a workflow's drawing, its file and its forms, each editing the other. */
import {
  CodeIcon,
  DownloadIcon,
  FilePlus2Icon,
  FolderOpenIcon,
  ListTreeIcon,
  PanelRightIcon,
  PlusIcon,
  Redo2Icon,
  Undo2Icon,
  WorkflowIcon,
} from 'lucide-react';
import {
  type ClipboardEvent,
  type KeyboardEvent,
  lazy,
  Suspense,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { useTranslation } from 'react-i18next';
import { toast } from 'sonner';
import { Confirm } from '@/components/confirm';
import { Button } from '@/components/ui/button';
import { ToggleGroup, ToggleGroupItem } from '@/components/ui/toggle-group';
import { Tooltip, TooltipContent, TooltipTrigger } from '@/components/ui/tooltip';
import { cn } from '@/lib/cn';
import { useTitle } from '@/lib/title';
import { copy, neighbour, paste, remove } from './acts';
import { Canvas } from './canvas/canvas';
import { Outline } from './canvas/outline';
import { Editor, EditorContext, useEdited, useEditor } from './editor';
import { Inspector } from './inspector/inspector';
import { type Act, Palette } from './palette';
import { Problems } from './problems';

const CodePane = lazy(() => import('./code/pane').then(({ CodePane }) => ({ default: CodePane })));

const BLANK = `name: workflow
steps: {}
`;

function Tool(props: {
  label: string;
  keys?: string;
  disabled?: boolean;
  onClick: () => void;
  children: React.ReactNode;
}) {
  return (
    <Tooltip>
      <TooltipTrigger asChild>
        <Button
          variant="ghost"
          size="icon-sm"
          aria-label={props.label}
          disabled={props.disabled}
          onClick={props.onClick}
        >
          {props.children}
        </Button>
      </TooltipTrigger>
      <TooltipContent>{props.keys ? `${props.label} (${props.keys})` : props.label}</TooltipContent>
    </Tooltip>
  );
}

/** Gives the file to the person. */
function download(editor: Editor): void {
  const url = URL.createObjectURL(new Blob([editor.text], { type: 'application/yaml' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = editor.state.file || `${editor.state.graph.start.name ?? 'workflow'}.yaml`;
  link.click();
  URL.revokeObjectURL(url);
  editor.keep();
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof Element &&
  target.closest('input, textarea, select, [contenteditable], [role=dialog]') !== null;

/** The editor of the file in its context. */
export function Workbench() {
  const { t } = useTranslation();
  const editor = useEditor();
  const name = useEdited((state) => state.graph.start.title ?? state.graph.start.name);
  const changed = useEdited((state) => state.history.text !== state.saved);
  const back = useEdited((state) => state.history.past.length > 0);
  const forth = useEdited((state) => state.history.future.length > 0);
  const faults = useEdited((state) => state.faults.length);
  const steps = useEdited((state) => state.graph.steps.length);
  const [view, setView] = useState<'drawing' | 'outline'>(() =>
    window.innerWidth < 768 ? 'outline' : 'drawing',
  );
  const [code, setCode] = useState(() => window.innerWidth >= 1280);
  const [form, setForm] = useState(() => window.innerWidth >= 1024);
  const [palette, setPalette] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  useTitle(name ?? t('ui.editor.page'));

  useEffect(() => {
    if (!changed) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [changed]);

  const acts: Act[] = useMemo(
    () => [
      { name: t('ui.editor.undo'), key: 'Ctrl Z', run: () => editor.undo() },
      { name: t('ui.editor.redo'), key: 'Ctrl Y', run: () => editor.redo() },
      { name: t('ui.editor.show_drawing'), run: () => setView('drawing') },
      { name: t('ui.editor.show_outline'), run: () => setView('outline') },
      { name: t('ui.editor.code'), run: () => setCode((shown) => !shown) },
      { name: t('ui.editor.inspector'), run: () => setForm((shown) => !shown) },
      { name: t('ui.editor.open'), run: () => chooser.current?.click() },
      { name: t('ui.editor.download'), key: 'Ctrl S', run: () => download(editor) },
    ],
    [editor, t],
  );

  const onKeyDown = (event: KeyboardEvent) => {
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (command && key === 's') {
      event.preventDefault();
      download(editor);
      return;
    }
    if (command && key === 'k') {
      event.preventDefault();
      event.stopPropagation();
      setPalette(true);
      return;
    }
    if (event.defaultPrevented || isTyping(event.target)) return;
    const done = () => {
      event.preventDefault();
      event.stopPropagation();
    };
    if (command && key === 'z') {
      done();
      if (event.shiftKey) editor.redo();
      else editor.undo();
    } else if (command && key === 'y') {
      done();
      editor.redo();
    } else if (command && key === 'a') {
      done();
      editor.choose(editor.state.graph.steps.map((step) => step.key));
    } else if (command && key === 'd') {
      done();
      paste(editor, copy(editor));
    } else if (key === 'delete' || key === 'backspace') {
      done();
      remove(editor);
    } else if (key === 'n' && !command) {
      done();
      setPalette(true);
    } else if (key === 'f2') {
      done();
      setForm(true);
      requestAnimationFrame(() => document.getElementById('step-id')?.focus());
    } else if (key.startsWith('arrow') && view === 'drawing') {
      const from = [...editor.state.chosen].at(-1) ?? '@start';
      const next = neighbour(editor, from, event.key);
      if (!next) return;
      done();
      editor.choose([next]);
      requestAnimationFrame(() => {
        document.querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(next)}"]`)?.focus();
      });
    }
  };

  const onCopy = (event: ClipboardEvent, cut: boolean) => {
    if (isTyping(event.target) || editor.state.chosen.size === 0) return;
    event.preventDefault();
    event.clipboardData.setData('text/plain', copy(editor));
    if (cut) remove(editor);
    else toast.success(t('ui.editor.copied', { count: editor.state.chosen.size }));
  };
  const onPaste = (event: ClipboardEvent) => {
    if (isTyping(event.target)) return;
    event.preventDefault();
    if (!paste(editor, event.clipboardData.getData('text/plain')))
      toast.error(t('ui.editor.no_steps_pasted'));
  };

  const opened = (file: File) => void file.text().then((text) => editor.open(text, file.name));
  const choose = () => chooser.current?.click();
  const openButton = (
    <Button variant="outline" size="sm" onClick={changed ? undefined : choose}>
      <FolderOpenIcon /> {t('ui.editor.open')}
    </Button>
  );
  const newButton = (
    <Button variant="outline" size="sm" onClick={changed ? undefined : () => editor.open(BLANK, '')}>
      <FilePlus2Icon /> {t('ui.editor.new')}
    </Button>
  );
  const sure = (trigger: React.ReactNode, act: () => void) =>
    changed ? (
      <Confirm
        trigger={trigger}
        title={t('ui.editor.leave')}
        text={t('ui.editor.leave_text')}
        act={t('ui.editor.leave_act')}
        onConfirm={act}
      />
    ) : (
      trigger
    );

  return (
    <main
      id="main"
      className="flex h-dvh min-h-0 flex-col"
      onKeyDown={onKeyDown}
      onCopy={(event) => onCopy(event, false)}
      onCut={(event) => onCopy(event, true)}
      onPaste={onPaste}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        const [file] = event.dataTransfer.files;
        if (file) opened(file);
      }}
    >
      <input
        ref={chooser}
        type="file"
        accept=".yaml,.yml"
        aria-label={t('ui.editor.open')}
        className="hidden"
        onChange={(event) => {
          const [file] = event.target.files ?? [];
          if (file) opened(file);
          event.target.value = '';
        }}
      />
      <header className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b bg-card px-4 py-2">
        <h1 className="min-w-0 truncate font-semibold text-base">{name ?? t('ui.editor.page')}</h1>
        <p role="status" className="text-muted-foreground text-xs">
          {faults > 0 ? t('ui.editor.problems', { count: faults }) : t('ui.editor.steps', { count: steps })}
          {changed && ` · ${t('ui.editor.changed')}`}
        </p>
        <div className="ml-auto flex flex-wrap items-center gap-1.5">
          <Tool label={t('ui.editor.undo')} keys="Ctrl Z" disabled={!back} onClick={() => editor.undo()}>
            <Undo2Icon />
          </Tool>
          <Tool label={t('ui.editor.redo')} keys="Ctrl Y" disabled={!forth} onClick={() => editor.redo()}>
            <Redo2Icon />
          </Tool>
          <ToggleGroup
            type="single"
            value={view}
            aria-label={t('ui.editor.view')}
            onValueChange={(next) => next && setView(next as typeof view)}
          >
            <ToggleGroupItem value="drawing" aria-label={t('ui.editor.show_drawing')}>
              <WorkflowIcon className="size-4" />
            </ToggleGroupItem>
            <ToggleGroupItem value="outline" aria-label={t('ui.editor.show_outline')}>
              <ListTreeIcon className="size-4" />
            </ToggleGroupItem>
          </ToggleGroup>
          <Button
            variant={code ? 'secondary' : 'ghost'}
            size="sm"
            aria-pressed={code}
            onClick={() => setCode(!code)}
          >
            <CodeIcon /> YAML
          </Button>
          <Button
            variant={form ? 'secondary' : 'ghost'}
            size="sm"
            aria-pressed={form}
            onClick={() => setForm(!form)}
          >
            <PanelRightIcon /> {t('ui.editor.inspector')}
          </Button>
          {sure(newButton, () => editor.open(BLANK, ''))}
          {sure(openButton, choose)}
          <Button variant="outline" size="sm" onClick={() => download(editor)}>
            <DownloadIcon /> {t('ui.editor.download')}
          </Button>
          <Button size="sm" onClick={() => setPalette(true)}>
            <PlusIcon /> {t('ui.editor.add_step')}
          </Button>
        </div>
      </header>
      <div className="flex min-h-0 flex-1 flex-col md:flex-row">
        <div className={cn('relative min-h-64 min-w-0 flex-1', view === 'outline' && 'bg-card')}>
          {view === 'drawing' ? <Canvas /> : <Outline />}
          {steps === 0 && (
            <p className="pointer-events-none absolute inset-x-0 top-2/3 text-center text-muted-foreground">
              {t('ui.editor.empty')}
            </p>
          )}
        </div>
        {code && (
          <div className="min-h-48 flex-1 border-t md:max-w-[38%] md:border-t-0 md:border-l">
            <Suspense fallback={null}>
              <CodePane />
            </Suspense>
          </div>
        )}
        {form && (
          <div className="min-h-48 shrink-0 border-t bg-card md:w-88 md:border-t-0 md:border-l">
            <Inspector />
          </div>
        )}
      </div>
      <Problems />
      {palette && <Palette acts={acts} onClose={() => setPalette(false)} />}
    </main>
  );
}

/** An editor for a file of one's own: opened from the disk, given back to it. */
export function EditorPage() {
  const [editor] = useState(() => new Editor(BLANK, ''));
  return (
    <EditorContext value={editor}>
      <Workbench />
    </EditorContext>
  );
}
