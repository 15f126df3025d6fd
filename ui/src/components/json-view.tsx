/** A value of a run as a tree, a table or JSON. */
import { ChevronRightIcon, CopyIcon } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { cn } from '@/lib/cn';
import { toast } from '@/lib/toast';
import { Button } from './ui/button';
import { ToggleGroup, ToggleGroupItem } from './ui/toggle-group';

const PAGE = 100;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Rows of a list of objects, or `undefined` when it is no table. */
export function tableOf(value: unknown): { columns: string[]; rows: Record<string, unknown>[] } | undefined {
  if (!Array.isArray(value) || value.length === 0 || !value.every(isObject)) return undefined;
  const columns = [...new Set(value.flatMap((row) => Object.keys(row)))];
  return { columns, rows: value };
}

function Leaf({ value }: { value: unknown }) {
  if (value === null || value === undefined) return <span className="text-muted-foreground">null</span>;
  if (typeof value === 'string') return <span className="break-words text-success">"{value}"</span>;
  if (typeof value === 'number') return <span className="text-info">{value}</span>;
  return <span className="text-warning">{String(value)}</span>;
}

function Branch(props: { name?: string; value: unknown; depth: number }) {
  const { name, value, depth } = props;
  const [open, setOpen] = useState(depth < 2);
  const [shown, setShown] = useState(PAGE);
  const { t } = useTranslation();
  const label = name !== undefined && <span className="text-foreground">{name}: </span>;
  const entries: [string, unknown][] = Array.isArray(value)
    ? value.map((item, index) => [String(index), item])
    : isObject(value)
      ? Object.entries(value)
      : [];
  if (!Array.isArray(value) && !isObject(value)) {
    return (
      <div className="pl-4">
        {label}
        <Leaf value={value} />
      </div>
    );
  }
  const sum = Array.isArray(value) ? `[${value.length}]` : `{${entries.length}}`;
  return (
    <div>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="flex items-center rounded-sm text-left hover:bg-accent"
      >
        <ChevronRightIcon aria-hidden className={cn('size-4 text-muted-foreground', open && 'rotate-90')} />
        {label}
        <span className="ml-1 text-muted-foreground">{sum}</span>
      </button>
      {open && (
        <div className="ml-2 border-l pl-2">
          {entries.slice(0, shown).map(([key, item]) => (
            <Branch key={key} name={key} value={item} depth={depth + 1} />
          ))}
          {entries.length > shown && (
            <Button variant="link" size="sm" onClick={() => setShown(shown + PAGE)}>
              {t('ui.json.more', { count: entries.length - shown })}
            </Button>
          )}
        </div>
      )}
    </div>
  );
}

type View = 'tree' | 'table' | 'json';

/** A value, its views, and a way to take it along. */
export function JsonView({ value, label }: { value: unknown; label: string }) {
  const { t } = useTranslation();
  const table = tableOf(value);
  const [chosen, setView] = useState<View>(table ? 'table' : 'tree');
  const view = chosen === 'table' && !table ? 'tree' : chosen;
  const text = JSON.stringify(value, null, 2) ?? 'null';
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    toast.success(t('ui.json.copied'));
  };
  return (
    <section aria-label={label} className="min-w-0 rounded-lg border bg-card">
      <div className="flex items-center justify-between gap-2 border-b px-3 py-1.5">
        <h3 className="font-medium text-xs">{label}</h3>
        <div className="flex items-center gap-1">
          <ToggleGroup
            type="single"
            value={view}
            aria-label={t('ui.json.view')}
            onValueChange={(next) => next && setView(next as View)}
          >
            <ToggleGroupItem value="tree">{t('ui.json.tree')}</ToggleGroupItem>
            {table && <ToggleGroupItem value="table">{t('ui.json.table')}</ToggleGroupItem>}
            <ToggleGroupItem value="json">JSON</ToggleGroupItem>
          </ToggleGroup>
          <Button variant="ghost" size="icon-sm" aria-label={t('ui.json.copy')} onClick={() => void copy()}>
            <CopyIcon />
          </Button>
        </div>
      </div>
      {/* What scrolls is reached by keyboard. */}
      <div
        tabIndex={0}
        role="group"
        aria-label={label}
        className="max-h-96 overflow-auto p-3 font-mono text-xs leading-5"
      >
        {view === 'tree' && <Branch value={value} depth={0} />}
        {view === 'json' && <pre className="whitespace-pre-wrap break-words">{text}</pre>}
        {view === 'table' && table && (
          <table className="w-full text-left">
            <thead>
              <tr className="border-b">
                {table.columns.map((column) => (
                  <th key={column} scope="col" className="whitespace-nowrap py-1 pr-4 font-medium">
                    {column}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {table.rows.slice(0, PAGE).map((row, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: rows of data have no name
                <tr key={index} className="border-b last:border-0">
                  {table.columns.map((column) => (
                    <td key={column} className="py-1 pr-4 align-top">
                      {typeof row[column] === 'object' && row[column] !== null ? (
                        JSON.stringify(row[column])
                      ) : (
                        <Leaf value={row[column]} />
                      )}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
    </section>
  );
}
