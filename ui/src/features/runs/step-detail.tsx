import { Link } from '@tanstack/react-router';
import { InfoIcon } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { JsonView } from '@/components/json-view';
import { Moment } from '@/components/moment';
import { StatusMark } from '@/components/status';
import { Badge } from '@/components/ui/badge';
import { ToggleGroup, ToggleGroupItem } from '@/components/ui/toggle-group';
import { cn } from '@/lib/cn';
import { between, duration } from '@/lib/format';
import { useMay } from '@/lib/session';
import { type Attempt, hasEnded, type Run, type Step, shortId } from './model';
import { RerunDialog } from './rerun-dialog';

/** All about one step: what it was given, gave, said, and why it stands so. */
export function StepDetail({ run, step }: { run: Run; step: Step }) {
  const { t } = useTranslation();
  const may = useMay();
  const [chosen, choose] = useState<number>();
  const attempt = step.attempts.find((each) => each.number === chosen) ?? step.attempts.at(-1);
  return (
    <section aria-label={step.path} className="grid min-w-0 content-start gap-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <div className="flex min-w-0 flex-wrap items-center gap-3">
          <h2 className="min-w-0 break-all font-medium font-mono text-base">{step.path}</h2>
          <StatusMark status={step.status} />
        </div>
        {may('operate_runs') && hasEnded(run) && step.items.length === 0 && (
          <RerunDialog run={run} from={step} />
        )}
      </div>
      {step.status === 'skipped' && <Note>{t('ui.run.why_skipped')}</Note>}
      {step.attempts.length > 1 && (
        <ToggleGroup
          type="single"
          aria-label={t('ui.run.attempts')}
          className="w-fit"
          value={String(attempt?.number)}
          onValueChange={(next) => next && choose(Number(next))}
        >
          {step.attempts.map((each) => (
            <ToggleGroupItem key={each.number} value={String(each.number)}>
              {t('ui.run.attempt', { number: each.number })}
            </ToggleGroupItem>
          ))}
        </ToggleGroup>
      )}
      {attempt && <AttemptDetail attempt={attempt} />}
    </section>
  );
}

function Note({ children }: { children: React.ReactNode }) {
  return (
    <p className="flex items-start gap-2 rounded-lg border bg-card px-3 py-2.5 text-sm">
      <InfoIcon aria-hidden className="mt-0.5 size-4 shrink-0 text-info" />
      <span>{children}</span>
    </p>
  );
}

function AttemptDetail({ attempt }: { attempt: Attempt }) {
  const { t } = useTranslation();
  const { error, wait, logs, input, output } = attempt;
  const took = between(attempt.started_at, attempt.ended_at);
  return (
    <>
      <dl className="flex flex-wrap gap-x-6 gap-y-1 text-sm [&_dd]:inline [&_dt]:mr-1.5 [&_dt]:inline [&_dt]:text-muted-foreground">
        {attempt.status !== 'skipped' && (
          <div>
            <dt>{t('ui.run.began')}</dt>
            <dd>
              <Moment at={attempt.started_at} />
            </dd>
          </div>
        )}
        {took !== undefined && (
          <div>
            <dt>{t('ui.run.took')}</dt>
            <dd className="numeric">{duration(took)}</dd>
          </div>
        )}
        {attempt.retry_at && (
          <div>
            <dt>{t('ui.run.retry_at')}</dt>
            <dd>
              <Moment at={attempt.retry_at} />
            </dd>
          </div>
        )}
        {attempt.key && (
          <div>
            <dt>{t('ui.run.key')}</dt>
            <dd className="font-mono text-xs">{attempt.key}</dd>
          </div>
        )}
      </dl>
      {attempt.taken && <Note>{t(`ui.run.taken_${attempt.taken}`)}</Note>}
      {wait && (
        <Note>
          {t(`ui.run.waits_${wait.on}`)}
          {wait.until && (
            <>
              {' '}
              {t('ui.run.until')} <Moment at={wait.until} />
            </>
          )}
          {wait.run && (
            <>
              {' '}
              <Link
                to="/runs/$id"
                params={{ id: wait.run }}
                className="text-primary underline underline-offset-4"
              >
                {shortId(wait.run)}
              </Link>
            </>
          )}
        </Note>
      )}
      {error && (
        <div className="grid gap-1 rounded-lg border border-destructive/30 bg-card p-3">
          <p className="break-words font-medium">{error.message}</p>
          <p className="text-muted-foreground text-sm">{t(`ui.run.failure_${error.kind}`)}</p>
          <p className="font-mono text-muted-foreground text-xs">{error.code}</p>
        </div>
      )}
      <div className="grid gap-4 2xl:grid-cols-2">
        {input !== undefined && input !== null && <JsonView value={input} label={t('ui.run.input')} />}
        {output !== undefined && output !== null && <JsonView value={output} label={t('ui.run.output')} />}
      </div>
      {logs.length > 0 && <Logs logs={logs} />}
    </>
  );
}

function Logs({ logs }: { logs: Attempt['logs'] }) {
  const { t } = useTranslation();
  const looks = { debug: 'secondary', info: 'info', warn: 'warning' } as const;
  return (
    <section aria-label={t('ui.run.logs')} className="rounded-lg border bg-card">
      <h3 className="border-b px-3 py-2 font-medium text-xs">{t('ui.run.logs')}</h3>
      <ol className="max-h-80 overflow-y-auto py-1 font-mono text-xs">
        {logs.map((line, index) => (
          <li
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have no name, and are only added to
            key={index}
            className={cn('flex gap-2 px-3 py-0.5', line.level === 'debug' && 'text-muted-foreground')}
          >
            <Badge variant={looks[line.level]} className="h-4 w-11 justify-center text-2xs">
              {line.level}
            </Badge>
            <span className="min-w-0 break-words">{line.message}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
