/** Who is signed in, where they stand, and what they may do there. */
import { queryOptions, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useCallback } from 'react';
import { api, data } from './api/client';
import { asProblem } from './api/problem';
import type { components } from './api/schema';

export type Session = components['schemas']['SessionView'];
export type Permission = components['schemas']['Permission'];
export type Role = components['schemas']['Role'];

/** The session; `null` when nobody is signed in. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  staleTime: 60_000,
  queryFn: async (): Promise<Session | null> => {
    try {
      return await data(api.GET('/api/v1/session'));
    } catch (thrown) {
      const problem = asProblem(thrown);
      if (problem.signedOut) return null;
      throw problem;
    }
  },
});

/** The session, on pages that are shown only to who is signed in. */
export function useSession(): Session {
  const session = useSuspenseQuery(sessionQuery).data;
  if (!session) throw new Error('a page of a signed-in person is shown to nobody');
  return session;
}

/** Whether the person may do something where they stand. */
export function useMay(): (permission: Permission) => boolean {
  const { permissions } = useSession();
  return useCallback((permission) => permissions.includes(permission), [permissions]);
}

/** Takes what the server says of the session now; what was read as another is forgotten. */
export function useEnter(): (session: Session | null) => void {
  const client = useQueryClient();
  return useCallback(
    (session) => {
      client.removeQueries({ predicate: (query) => query.queryKey[0] !== 'session' });
      client.setQueryData(sessionQuery.queryKey, session);
    },
    [client],
  );
}
