import { useMutation } from '@tanstack/react-query';
import { api, data } from './api/client';
import { useEnter } from './session';
import { useTold } from './told';

/** Stands in another of one's tenants. */
export function useStand() {
  const enter = useEnter();
  const told = useTold();
  return useMutation({
    mutationFn: (tenant: string) => data(api.PUT('/api/v1/session/tenant', { body: { tenant } })),
    onSuccess: enter,
    onError: told,
  });
}
