/** What one step says, as a form. */
import { CopyPlusIcon, Trash2Icon } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '@/components/ui/button';
import { Checkbox } from '@/components/ui/checkbox';
import { Input } from '@/components/ui/input';
import { Label } from '@/components/ui/label';
import { NativeSelect } from '@/components/ui/native-select';
import { copy, paste, remove } from '../acts';
import { useEdited, useEditor } from '../editor';
import type { StepNode } from '../graph/build';
import { put } from '../graph/edit';
import { valueAt } from '../graph/source';
import { connected, disconnected, following, ID, renamed } from '../graph/steps';
import { kindOf, kinds } from '../nodes';
import { useFaultWords } from '../problems';
import { useNodeWords } from '../words';
import { SchemaField, StepField } from './fields';
import { StartForm } from './start';

function Name({ step }: { step: StepNode }) {
  const { t } = useTranslation();
  const editor = useEditor();
  const [name, setName] = useState(step.id);
  const taken = useEdited((state) => state.graph.steps.some(({ id }) => id === name && name !== step.id));
  useEffect(() => setName(step.id), [step.id]);
  const wrong = !ID.test(name)
    ? t('ui.editor.bad_id')
    : taken
      ? t('ui.editor.fault.duplicate_id', { about: name })
      : '';
  const commit = () => {
    if (wrong || name === step.id) return setName(step.id);
    if (editor.change((source) => renamed(source, step.key, name))) editor.choose([name]);
  };
  return (
    <div className="grid gap-1">
      <Label htmlFor="step-id">{t('ui.editor.step.id')}</Label>
      <Input
        id="step-id"
        className="font-mono text-[0.8125rem]"
        value={name}
        spellCheck={false}
        aria-invalid={wrong !== '' || undefined}
        aria-describedby="step-id-wrong"
        onChange={(event) => setName(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => {
          if (event.key === 'Enter') commit();
          if (event.key === 'Escape') setName(step.id);
        }}
      />
      <p id="step-id-wrong" className="text-destructive text-xs empty:hidden">
        {wrong}
      </p>
    </div>
  );
}

function Kind({ step }: { step: StepNode }) {
  const { t } = useTranslation();
  const editor = useEditor();
  const { title, about } = useNodeWords();
  const known = kindOf(step.uses) !== undefined;
  return (
    <div className="grid gap-1">
      <Label htmlFor="step-uses">{t('ui.editor.step.uses')}</Label>
      <NativeSelect
        id="step-uses"
        value={step.uses ?? ''}
        onChange={(event) =>
          editor.change((source) => put(source, [...step.path, 'uses'], event.target.value))
        }
      >
        {!known && <option value={step.uses ?? ''}>{step.uses ?? t('ui.editor.no_node')}</option>}
        {kinds.map(({ uses }) => (
          <option key={uses} value={uses}>
            {title(uses)} — {uses}
          </option>
        ))}
      </NativeSelect>
      <p className="text-muted-foreground text-xs">{about(step.uses)}</p>
    </div>
  );
}

/** More steps than this are not listed one by one. */
const MANY = 12;

function Needs({ step }: { step: StepNode }) {
  const { t } = useTranslation();
  const editor = useEditor();
  const graph = useEdited((state) => state.graph);
  const others = graph.steps.filter(
    (other) => other !== step && other.parent === step.parent && other.section === step.section,
  );
  const before = new Map(graph.edges.filter(({ to }) => to === step.key).map((edge) => [edge.from, edge]));
  const after = following(graph.edges, step.key);
  const possible = others.filter(({ key }) => before.has(key) || !after.has(key));
  if (possible.length === 0) return null;
  const listed = possible.length > MANY ? possible.filter(({ key }) => before.has(key)) : possible;
  const more = possible.filter((other) => !listed.includes(other));
  return (
    <fieldset className="grid gap-1.5">
      <legend className="mb-1 font-medium text-sm">{t('ui.editor.step.needs')}</legend>
      <div className="grid max-h-44 gap-1.5 overflow-y-auto rounded-md border p-2.5">
        {listed.map(({ key, id }) => {
          const edge = before.get(key);
          const read = edge !== undefined && !edge.written;
          return (
            <Label key={key} className="flex items-center gap-2 font-normal">
              <Checkbox
                checked={edge !== undefined}
                disabled={read}
                onCheckedChange={(on) =>
                  editor.change((source) =>
                    on === true
                      ? connected(source, key, step.key)
                      : disconnected(source, { from: key, to: step.key }),
                  )
                }
              />
              <span className="font-mono text-xs">{id}</span>
              {edge?.label && <span className="text-2xs text-muted-foreground">{edge.label}</span>}
              {read && (
                <span className="text-2xs text-muted-foreground">
                  {t(edge.link === 'failure' ? 'ui.editor.stands_in' : 'ui.editor.read')}
                </span>
              )}
            </Label>
          );
        })}
        {more.length > 0 && (
          <NativeSelect
            aria-label={t('ui.editor.wait_for')}
            value=""
            onChange={(event) => editor.change((source) => connected(source, event.target.value, step.key))}
          >
            <option value="">{t('ui.editor.wait_for')}</option>
            {more.map(({ key, id }) => (
              <option key={key} value={key}>
                {id}
              </option>
            ))}
          </NativeSelect>
        )}
      </div>
    </fieldset>
  );
}

function Config({ step }: { step: StepNode }) {
  const { t } = useTranslation();
  const kind = kindOf(step.uses);
  const given = useEdited((state) => {
    const value = valueAt(state.source, [...step.path, 'with']);
    return value && typeof value === 'object' ? Object.keys(value).join('\n') : '';
  });
  if (!kind) return null;
  const listed = new Set(kind.fields.map(({ name }) => name));
  const free = kind.open ? given.split('\n').filter((name) => name && !listed.has(name)) : [];
  const path = [...step.path, 'with'];
  if (kind.open && kind.fields.length === 0 && free.length === 0) {
    return (
      <StepField
        path={step.path}
        name="with"
        label={t('ui.editor.step.values')}
        schema={{ type: 'object' }}
      />
    );
  }
  return (
    <div className="grid gap-4">
      {kind.fields.map((field) => (
        <SchemaField key={field.name} path={path} field={field} />
      ))}
      {free.map((name) => (
        <SchemaField key={name} path={path} field={{ name, schema: {}, required: false }} />
      ))}
      {kind.open && <NewField path={path} taken={given.split('\n')} />}
    </div>
  );
}

function NewField({ path, taken }: { path: StepNode['path']; taken: string[] }) {
  const { t } = useTranslation();
  const editor = useEditor();
  const [name, setName] = useState('');
  const fits = /^[A-Za-z_]\w*$/.test(name) && !taken.includes(name);
  return (
    <form
      className="flex gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        if (!fits) return;
        editor.change((source) => put(source, [...path, name], ''));
        setName('');
      }}
    >
      <Input
        aria-label={t('ui.editor.new_field')}
        placeholder={t('ui.editor.new_field')}
        className="h-8 font-mono text-xs"
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <Button type="submit" variant="outline" size="sm" disabled={!fits}>
        {t('ui.editor.add')}
      </Button>
    </form>
  );
}

const settings = {
  if: { bare: true },
  for_each: {},
  as: {},
  concurrency: { schema: { type: 'integer' } },
  'repeat.until': { bare: true },
  'repeat.max_iterations': { schema: { type: 'integer' } },
  'retry.max_attempts': { schema: { type: 'integer' } },
  'retry.delay': {},
  timeout: {},
  deadline: {},
  on_error: { schema: { type: ['string', 'object'] } },
  credential: {},
  compensate: { schema: { type: 'object' } },
} as const;

type Setting = keyof typeof settings;
const always: Setting[] = ['if', 'for_each'];

function Settings({ step }: { step: StepNode }) {
  const { t } = useTranslation();
  const names = Object.keys(settings) as Setting[];
  const field = (name: Setting) => {
    const word = name.replace('.', '_') as 'if';
    return (
      <StepField
        key={name}
        path={step.path}
        name={name}
        label={t(`ui.editor.step.${word}`)}
        {...(settings[name] as { bare?: boolean })}
      />
    );
  };
  return (
    <>
      {always.map(field)}
      <details className="group">
        <summary className="cursor-pointer py-1 font-medium text-sm">{t('ui.editor.settings')}</summary>
        <div className="grid gap-4 pt-2">{names.filter((name) => !always.includes(name)).map(field)}</div>
      </details>
    </>
  );
}

function StepForm({ step }: { step: StepNode }) {
  const { t } = useTranslation();
  const editor = useEditor();
  const say = useFaultWords();
  const all = useEdited((state) => state.faults);
  const faults = all.filter((fault) => fault.step === step.key);
  return (
    <div className="grid gap-5">
      {faults.length > 0 && (
        <ul
          role="alert"
          className="grid gap-1 rounded-md border border-destructive/40 bg-destructive/5 p-3 text-[0.8125rem]"
        >
          {faults.map((fault) => (
            <li key={`${fault.code} ${fault.from}`}>{say(fault)}</li>
          ))}
        </ul>
      )}
      <Name step={step} />
      {!step.group && <Kind step={step} />}
      {step.about && (
        <p className="whitespace-pre-line border-l-2 pl-3 text-muted-foreground text-xs">{step.about}</p>
      )}
      {!step.group && <Config step={step} />}
      <hr />
      <Needs step={step} />
      <Settings step={step} />
      <div className="flex gap-2">
        <Button variant="outline" size="sm" onClick={() => paste(editor, copy(editor))}>
          <CopyPlusIcon /> {t('ui.editor.duplicate')}
        </Button>
        <Button variant="outline" size="sm" className="text-destructive" onClick={() => remove(editor)}>
          <Trash2Icon /> {t('ui.editor.remove')}
        </Button>
      </div>
    </div>
  );
}

export function Inspector() {
  const { t } = useTranslation();
  const editor = useEditor();
  const chosen = useEdited((state) => state.chosen);
  const graph = useEdited((state) => state.graph);
  const [key] = chosen;
  const say = useFaultWords();
  const broken = useEdited((state) => state.faults.find(({ code }) => code === 'syntax'));
  const step = chosen.size === 1 ? graph.steps.find((each) => each.key === key) : undefined;
  return (
    <section aria-label={t('ui.editor.inspector')} className="h-full overflow-y-auto p-4">
      {broken ? (
        <div role="alert" className="grid gap-1">
          <p className="font-medium">{t('ui.editor.broken')}</p>
          <p className="text-muted-foreground text-sm">{say(broken)}</p>
        </div>
      ) : step ? (
        <StepForm key={step.path.join('/')} step={step} />
      ) : chosen.size > 1 ? (
        <div className="grid gap-4">
          <p className="font-medium">{t('ui.editor.chosen', { count: chosen.size })}</p>
          <Button
            variant="outline"
            size="sm"
            className="w-fit text-destructive"
            onClick={() => remove(editor)}
          >
            <Trash2Icon /> {t('ui.editor.remove')}
          </Button>
        </div>
      ) : (
        <StartForm />
      )}
    </section>
  );
}
