import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { api } from '@/lib/api/client';
import { useEnter } from '@/lib/session';
import { useTold } from '@/lib/told';

/** Signs out of this browser. */
export function useSignOut(): () => void {
  const enter = useEnter();
  const navigate = useNavigate();
  const told = useTold();
  const signOut = useMutation({
    mutationFn: () => api.DELETE('/api/v1/session'),
    onSuccess: () => {
      enter(null);
      void navigate({ to: '/sign-in', search: {} });
    },
    onError: told,
  });
  return signOut.mutate;
}
