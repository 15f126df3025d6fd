/** The fields of a step's form: one a word, written into the file as one types. */
import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Label } from '@/components/ui/label';
import { NativeSelect } from '@/components/ui/native-select';
import { Switch } from '@/components/ui/switch';
import { CodeField } from '../code/field';
import { useEdited, useEditor } from '../editor';
import { put } from '../graph/edit';
import { type Path, valueAt } from '../graph/source';
import { type FieldSpec, optionsOf, type Schema } from '../nodes';
import { isLarge, said, shown } from './value';

/** A value at a path as one text, for comparison: it is what a form shows. */
const textAt = (path: Path) => (state: { source: Parameters<typeof valueAt>[0] }) =>
  JSON.stringify(valueAt(state.source, path)) ?? '';

function useValue(path: Path): [unknown, (value: unknown) => void] {
  const editor = useEditor();
  const text = useEdited(textAt(path));
  const value: unknown = text === '' ? undefined : JSON.parse(text);
  return [
    value,
    (next) => {
      editor.change((source) => put(source, path, next), `field ${path.join('.')}`);
    },
  ];
}

function Frame(props: {
  id?: string;
  name: string;
  label?: string;
  required?: boolean;
  help?: string;
  error?: string;
  children: React.ReactNode;
}) {
  return (
    <div className="grid gap-1">
      <Label htmlFor={props.id} className="flex items-baseline gap-1.5">
        <span className={props.label ? undefined : 'font-mono text-xs'}>{props.label ?? props.name}</span>
        {props.required && (
          <span aria-hidden className="text-destructive">
            *
          </span>
        )}
      </Label>
      {props.children}
      {props.error ? (
        <p role="alert" className="text-destructive text-xs">
          {props.error}
        </p>
      ) : (
        props.help && <p className="text-muted-foreground text-xs">{props.help}</p>
      )}
    </div>
  );
}

/** One field, by its schema. */
export function SchemaField(props: { path: Path; field: FieldSpec; label?: string; help?: string }) {
  const { path, field, label, help } = props;
  const { t } = useTranslation();
  const id = useId();
  const [value, setValue] = useValue([...path, field.name]);
  const [unsound, setUnsound] = useState(false);
  const options = optionsOf(field.schema);
  const frame = {
    id,
    name: field.name,
    label,
    required: field.required,
    help: help ?? field.schema.description,
  };
  const expressed = typeof value === 'string' && value.includes('${{');
  if (options.length > 0 && !expressed) {
    return (
      <Frame {...frame}>
        <NativeSelect
          id={id}
          value={shown(value)}
          onChange={(event) => setValue(event.target.value || undefined)}
        >
          {(!field.required || value === undefined) && <option value="">{t('ui.editor.unsaid')}</option>}
          {options.map((option) => (
            <option key={option}>{option}</option>
          ))}
        </NativeSelect>
      </Frame>
    );
  }
  if (field.schema.type === 'boolean' && !expressed) {
    return (
      <Frame {...frame}>
        <Switch
          id={id}
          checked={(value ?? field.schema.default) === true}
          onCheckedChange={(next) => setValue(next)}
        />
      </Frame>
    );
  }
  return (
    <Frame {...frame} id={undefined} error={unsound ? t('ui.editor.unsound') : undefined}>
      <CodeField
        label={label ?? field.name}
        value={shown(value)}
        lines={isLarge(field.schema) || field.name === 'code' || field.name === 'message'}
        invalid={unsound}
        onValue={(text) => {
          const answer = said(text, field.schema);
          setUnsound(answer === null);
          if (answer) setValue(answer.value);
        }}
      />
    </Frame>
  );
}

/** A word of the step itself. */
export function StepField(props: {
  path: Path;
  name: string;
  label: string;
  schema?: Schema;
  bare?: boolean;
  help?: string;
}) {
  const { path, name, label, schema = { type: 'string' }, bare = false, help } = props;
  const [value, setValue] = useValue([...path, ...name.split('.')]);
  const { t } = useTranslation();
  const [unsound, setUnsound] = useState(false);
  return (
    <Frame name={name} label={label} help={help} error={unsound ? t('ui.editor.unsound') : undefined}>
      <CodeField
        label={label}
        value={shown(value)}
        bare={bare}
        lines={isLarge(schema)}
        invalid={unsound}
        onValue={(text) => {
          const answer = said(text, schema);
          setUnsound(answer === null);
          if (answer) setValue(answer.value);
        }}
      />
    </Frame>
  );
}
