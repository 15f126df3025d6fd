import { useTranslation } from 'react-i18next';
import { Empty } from '@/components/states';
import { cn } from '@/lib/cn';
import { duration } from '@/lib/format';
import { type Attempt, type Run, waterfall } from './model';

const MOST = 500;

const colours: Record<Attempt['status'], string> = {
  running: 'bg-info',
  waiting: 'bg-[repeating-linear-gradient(135deg,var(--warning)_0_4px,transparent_4px_7px)]',
  succeeded: 'bg-success',
  failed: 'bg-destructive',
  cancelled: 'bg-muted-foreground',
  timed_out: 'bg-destructive',
  skipped: 'bg-muted-foreground/40',
};

/** When each attempt worked, beside all others. */
export function Waterfall({ run, onShow }: { run: Run; onShow: (path: string) => void }) {
  const { t } = useTranslation();
  const { bars, span } = waterfall(run, Date.now());
  if (bars.length === 0) return <Empty title={t('ui.run.no_steps')} />;
  return (
    <div className="overflow-x-auto rounded-lg border bg-card">
      <div className="min-w-[36rem]">
        <div className="flex border-b px-3 py-1.5 text-muted-foreground text-xs">
          <span className="w-56 shrink-0">{t('ui.run.step')}</span>
          <span className="numeric flex flex-1 justify-between">
            {[0, 0.25, 0.5, 0.75, 1].map((share) => (
              <span key={share}>{duration(span * share)}</span>
            ))}
          </span>
        </div>
        <ol>
          {bars.slice(0, MOST).map(({ path, depth, attempt, from, width, took }) => (
            <li key={`${path} ${attempt.number}`}>
              <button
                type="button"
                onClick={() => onShow(path)}
                className="flex h-7 w-full items-center px-3 text-left hover:bg-muted"
              >
                <span
                  className="w-56 shrink-0 truncate font-mono text-xs"
                  style={{ paddingLeft: depth * 12 }}
                >
                  {path}
                  {attempt.number > 1 && <span className="text-muted-foreground"> ×{attempt.number}</span>}
                </span>
                <span className="relative h-full flex-1 border-l bg-[linear-gradient(to_right,var(--border)_1px,transparent_1px)] bg-[length:25%_100%]">
                  <span
                    className={cn('absolute top-1.5 h-4 min-w-0.5 rounded-[2px]', colours[attempt.status])}
                    style={{ left: `${from * 100}%`, width: `${width * 100}%` }}
                  />
                  <span
                    className={cn(
                      'numeric absolute top-1.5 text-xs leading-4',
                      from + width > 0.85 && '-translate-x-full',
                    )}
                    style={{
                      left:
                        from + width > 0.85
                          ? `calc(${from * 100}% - 6px)`
                          : `calc(${(from + width) * 100}% + 6px)`,
                    }}
                  >
                    {duration(took)}
                  </span>
                </span>
              </button>
            </li>
          ))}
        </ol>
      </div>
    </div>
  );
}
