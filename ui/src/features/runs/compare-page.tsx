import { getRouteApi, Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { Page } from '@/components/page';
import { Loaded } from '@/components/states';
import { StatusMark } from '@/components/status';
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from '@/components/ui/table';
import { between, duration } from '@/lib/format';
import { useRun } from './api';
import { type Difference, type Run, type Step, shortId, sideBySide } from './model';

const route = getRouteApi('/inside/runs/compare');

/** Two runs side by side: where they part. */
export function ComparePage() {
  const { t } = useTranslation();
  const { left, right } = route.useSearch();
  const one = useRun(left);
  const other = useRun(right);
  return (
    <Page wide title={t('ui.compare.title')} lead={t('ui.compare.lead')}>
      <Loaded query={one}>
        {(before) => <Loaded query={other}>{(after) => <Comparison left={before} right={after} />}</Loaded>}
      </Loaded>
    </Page>
  );
}

function Comparison({ left, right }: { left: Run; right: Run }) {
  const { t } = useTranslation();
  const pairs = sideBySide(left, right);
  return (
    <div className="rounded-lg border bg-card">
      <Table>
        <TableHeader>
          <tr>
            <TableHead>{t('ui.run.step')}</TableHead>
            {[left, right].map((run) => (
              <TableHead key={run.id}>
                <Link
                  to="/runs/$id"
                  params={{ id: run.id }}
                  className="inline-flex items-center gap-2 font-mono text-primary"
                >
                  {shortId(run.id)}
                </Link>{' '}
                <StatusMark status={run.status} className="ml-2" />
              </TableHead>
            ))}
            <TableHead>{t('ui.compare.differs')}</TableHead>
          </tr>
        </TableHeader>
        <TableBody>
          {pairs.map((pair) => (
            <TableRow key={pair.path} className="align-top">
              <TableCell className="font-mono text-xs">{pair.path}</TableCell>
              <TableCell>
                <Side step={pair.left} />
              </TableCell>
              <TableCell>
                <Side step={pair.right} />
              </TableCell>
              <TableCell>
                <Differences among={pair.differences} />
              </TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </div>
  );
}

function Side({ step }: { step?: Step }) {
  const { t } = useTranslation();
  if (!step) return <span className="text-muted-foreground">{t('ui.compare.absent')}</span>;
  const took = between(step.attempts[0]?.started_at, step.attempts.at(-1)?.ended_at);
  return (
    <span className="inline-flex flex-wrap items-baseline gap-x-2">
      <StatusMark status={step.status} />
      {took !== undefined && <span className="numeric text-muted-foreground text-xs">{duration(took)}</span>}
    </span>
  );
}

function Differences({ among }: { among: Difference[] }) {
  const { t } = useTranslation();
  if (among.length === 0) return <span className="text-muted-foreground">{t('ui.compare.same')}</span>;
  const text = (value: unknown) => (value === undefined ? '—' : JSON.stringify(value));
  return (
    <ul className="grid max-w-2xl gap-1 font-mono text-xs">
      {among.slice(0, 8).map(({ path, left, right }) => (
        <li key={path} className="break-words">
          <span className="text-muted-foreground">{path} : </span>
          <del className="text-destructive">{text(left)?.slice(0, 200)}</del>{' '}
          <ins className="text-success no-underline">{text(right)?.slice(0, 200)}</ins>
        </li>
      ))}
      {among.length > 8 && <li>{t('ui.json.more', { count: among.length - 8 })}</li>}
    </ul>
  );
}
