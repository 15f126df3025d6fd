import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { LogOutIcon, MonitorIcon, SmartphoneIcon } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Confirm } from '@/components/confirm';
import { Moment } from '@/components/moment';
import { Page } from '@/components/page';
import { Loaded } from '@/components/states';
import { Badge } from '@/components/ui/badge';
import { Button } from '@/components/ui/button';
import { api, queries } from '@/lib/api/client';
import { useEnter } from '@/lib/session';
import { useTold } from '@/lib/told';
import { browserOf } from './browser';

/** Where one is signed in, and out of it everywhere. */
export function SessionsPage() {
  const { t } = useTranslation();
  const told = useTold();
  const enter = useEnter();
  const navigate = useNavigate();
  const sessions = queries.useQuery('get', '/api/v1/sessions');
  const end = useMutation({
    mutationFn: (id: string) => api.DELETE('/api/v1/sessions/{id}', { params: { path: { id } } }),
    onSuccess: () => void sessions.refetch(),
    onError: told,
  });
  const endAll = useMutation({
    mutationFn: () => api.DELETE('/api/v1/sessions'),
    onSuccess: () => {
      enter(null);
      void navigate({ to: '/sign-in', search: {} });
    },
    onError: told,
  });
  return (
    <Page
      title={t('ui.sessions.title')}
      lead={t('ui.sessions.lead')}
      actions={
        <Confirm
          trigger={
            <Button variant="outline">
              <LogOutIcon /> {t('ui.sessions.end_all')}
            </Button>
          }
          title={t('ui.sessions.end_all')}
          text={t('ui.sessions.end_all_text')}
          act={t('ui.sessions.end_all')}
          onConfirm={() => endAll.mutate()}
        />
      }
    >
      <Loaded query={sessions}>
        {(open) => (
          <ul className="divide-y rounded-lg border bg-card">
            {open.map((session) => {
              const browser = browserOf(session.agent);
              const Icon = browser.phone ? SmartphoneIcon : MonitorIcon;
              return (
                <li key={session.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-3">
                  <Icon aria-hidden className="size-5 text-muted-foreground" strokeWidth={1.5} />
                  <div className="min-w-0 flex-1">
                    <p className="flex flex-wrap items-center gap-2 font-medium">
                      {browser.name ?? t('ui.sessions.unknown')}
                      {session.current && <Badge variant="success">{t('ui.sessions.current')}</Badge>}
                    </p>
                    <p className="text-muted-foreground text-xs">
                      <span className="font-mono">{session.address}</span> · {t('ui.sessions.seen')}{' '}
                      <Moment at={session.seen_at} relative /> · {t('ui.sessions.opened')}{' '}
                      <Moment at={session.created_at} />
                    </p>
                  </div>
                  {!session.current && (
                    <Button
                      variant="ghost"
                      size="sm"
                      disabled={end.isPending}
                      onClick={() => end.mutate(session.id)}
                    >
                      {t('ui.sessions.end')}
                    </Button>
                  )}
                </li>
              );
            })}
          </ul>
        )}
      </Loaded>
    </Page>
  );
}
