import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useCallback, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data, queries } from '@/lib/api/client';
import type { components } from '@/lib/api/schema';
import { type StreamState, useStream } from '@/lib/api/stream';
import { toast } from '@/lib/toast';
import { useTold } from '@/lib/told';
import { hasEnded } from './model';

const GATHER = 200;

/** A run, refreshed as it moves. */
export function useRun(id: string) {
  const query = queries.useQuery('get', '/api/v1/runs/{id}', { params: { path: { id } } });
  const moving = query.data !== undefined && !hasEnded(query.data);
  const due = useRef<ReturnType<typeof setTimeout>>(undefined);
  const { refetch } = query;
  useEffect(() => () => clearTimeout(due.current), []);
  const refresh = useCallback(() => {
    clearTimeout(due.current);
    due.current = setTimeout(() => void refetch(), GATHER);
  }, [refetch]);
  const stream: StreamState = useStream(moving ? `/api/v1/runs/${id}/events` : undefined, refresh);
  return { ...query, stream };
}

/** What a person does about a run. */
export function useRunActs(id: string) {
  const { t } = useTranslation();
  const told = useTold();
  const client = useQueryClient();
  const navigate = useNavigate();
  const path = { id };
  const goTo = (started: components['schemas']['RunAccepted']) => {
    toast.success(t('ui.run.started'));
    void navigate({ to: '/runs/$id', params: { id: started.run } });
  };
  const cancel = useMutation({
    mutationFn: () => api.POST('/api/v1/runs/{id}/cancel', { params: { path } }),
    onSuccess: () => {
      toast.success(t('ui.run.cancelling'));
      void client.invalidateQueries({ queryKey: ['get', '/api/v1/runs/{id}'] });
    },
    onError: told,
  });
  const retry = useMutation({
    mutationFn: (body: components['schemas']['RetryBody']) =>
      data(api.POST('/api/v1/runs/{id}/retry', { params: { path }, body })),
    onSuccess: goTo,
    onError: told,
  });
  const rerun = useMutation({
    mutationFn: (body: components['schemas']['RerunBody']) =>
      data(api.POST('/api/v1/runs/{id}/rerun', { params: { path }, body })),
    onSuccess: goTo,
  });
  return { cancel, retry, rerun };
}
