import { getRouteApi, Link } from '@tanstack/react-router';
import { BanIcon, ColumnsIcon, RotateCcwIcon } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Confirm } from '@/components/confirm';
import { JsonView } from '@/components/json-view';
import { Moment } from '@/components/moment';
import { Page } from '@/components/page';
import { Loaded } from '@/components/states';
import { StatusMark } from '@/components/status';
import { StreamSign } from '@/components/stream-sign';
import { Badge } from '@/components/ui/badge';
import { Button } from '@/components/ui/button';
import { Tabs, TabsContent, TabsList, TabsTrigger } from '@/components/ui/tabs';
import { between, duration } from '@/lib/format';
import { useMay } from '@/lib/session';
import { useRun, useRunActs } from './api';
import { Failure } from './failure';
import { firstToSee, hasEnded, mayRetry, type Run, shortId } from './model';
import { RerunDialog } from './rerun-dialog';
import { Steps } from './steps';
import { Waterfall } from './waterfall';

const route = getRouteApi('/inside/runs/$id');

/** One run: what it did, step by step, and what can be done about it. */
export function RunPage() {
  const { t } = useTranslation();
  const { id } = route.useParams();
  const run = useRun(id);
  return (
    <Page
      wide
      above={t('ui.run.title')}
      title={run.data ? run.data.workflow : t('ui.run.title')}
      lead={run.data && <Facts run={run.data} stream={<StreamSign state={run.stream} />} />}
      actions={run.data && <Acts run={run.data} />}
    >
      <Loaded query={run}>{(found) => <Body run={found} />}</Loaded>
    </Page>
  );
}

function Facts({ run, stream }: { run: Run; stream: React.ReactNode }) {
  const { t } = useTranslation();
  const took = between(run.started_at, run.ended_at);
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-1.5 text-sm">
      <StatusMark status={run.status} />
      {stream}
      <span className="font-mono text-xs">{shortId(run.id)}</span>
      <span>
        <Moment at={run.created_at} />
        {took !== undefined && <span className="numeric"> · {duration(took)}</span>}
      </span>
      {run.origin && (
        <Link
          to="/runs/$id"
          params={{ id: run.origin }}
          className="text-primary underline underline-offset-4"
        >
          {t('ui.run.origin', { id: shortId(run.origin) })}
        </Link>
      )}
      {run.parent && (
        <Link
          to="/runs/$id"
          params={{ id: run.parent }}
          className="text-primary underline underline-offset-4"
        >
          {t('ui.run.parent', { id: shortId(run.parent) })}
        </Link>
      )}
      {Object.entries(run.labels).map(([name, value]) => (
        <Badge key={name} variant="outline" className="max-w-64 truncate">
          {name} : {value}
        </Badge>
      ))}
    </div>
  );
}

function Acts({ run }: { run: Run }) {
  const { t } = useTranslation();
  const may = useMay();
  const { cancel, retry } = useRunActs(run.id);
  if (!may('operate_runs')) return null;
  return (
    <>
      {run.origin && (
        <Button asChild variant="outline">
          <Link to="/runs/compare" search={{ left: run.origin, right: run.id }}>
            <ColumnsIcon /> {t('ui.run.compare')}
          </Link>
        </Button>
      )}
      {!hasEnded(run) && (
        <Confirm
          trigger={
            <Button variant="outline">
              <BanIcon /> {t('ui.run.cancel')}
            </Button>
          }
          title={t('ui.run.cancel')}
          text={t('ui.run.cancel_text')}
          act={t('ui.run.cancel')}
          onConfirm={() => cancel.mutate()}
        />
      )}
      {hasEnded(run) && <RerunDialog run={run} />}
      {mayRetry(run) && (
        <Button disabled={retry.isPending} onClick={() => retry.mutate({})}>
          <RotateCcwIcon /> {t('ui.run.retry')}
        </Button>
      )}
    </>
  );
}

function Body({ run }: { run: Run }) {
  const { t } = useTranslation();
  const { step, view = 'steps' } = route.useSearch();
  const navigate = route.useNavigate();
  const shown = run.steps.find((each) => each.path === step) ?? firstToSee(run);
  const show = (path: string) => void navigate({ search: { view: 'steps', step: path }, replace: true });
  return (
    <>
      {run.error && <Failure failure={run.error} onStep={show} />}
      {run.cleanup.map((failure) => (
        <Failure key={`${failure.step} ${failure.code}`} failure={failure} onStep={show} />
      ))}
      <Tabs
        value={view}
        onValueChange={(next) =>
          void navigate({ search: { step, view: next as typeof view }, replace: true })
        }
      >
        <TabsList>
          <TabsTrigger value="steps">{t('ui.run.steps')}</TabsTrigger>
          <TabsTrigger value="time">{t('ui.run.time')}</TabsTrigger>
          <TabsTrigger value="data">{t('ui.run.data')}</TabsTrigger>
        </TabsList>
        <TabsContent value="steps">
          <Steps run={run} shown={shown} onShow={show} />
        </TabsContent>
        <TabsContent value="time">
          <Waterfall run={run} onShow={show} />
        </TabsContent>
        <TabsContent value="data" className="grid gap-4 lg:grid-cols-2">
          <JsonView value={run.inputs} label={t('ui.run.inputs')} />
          <JsonView value={run.outputs} label={t('ui.run.outputs')} />
        </TabsContent>
      </Tabs>
    </>
  );
}
