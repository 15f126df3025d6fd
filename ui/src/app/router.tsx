/** Every page, on one screen; each is fetched when it is first opened. */

import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { z } from 'zod/mini';
import { OfflineBanner } from '@/components/states';
import { sessionQuery } from '@/lib/session';
import { Door } from './door';
import { Broken, Unknown } from './fallbacks';
import { Pending } from './pending';
import { queryClient } from './query-client';

const root = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  component: () => (
    <>
      <OfflineBanner />
      <Outlet />
    </>
  ),
  errorComponent: Broken,
  notFoundComponent: Unknown,
});

/** Before one is inside: signing in, choosing where to stand. */
const door = createRoute({ getParentRoute: () => root, id: 'door', component: Door });

/** A path of ours, never another site. */
const next = z.optional(z.string().check(z.regex(/^\/(?!\/)/)));

const signIn = createRoute({
  getParentRoute: () => door,
  path: '/sign-in',
  validateSearch: (search: { next?: string }): { next?: string } => ({
    next: next.safeParse(search.next).data,
  }),
  beforeLoad: async ({ context }) => {
    if (await context.queryClient.ensureQueryData(sessionQuery)) throw redirect({ to: '/' });
  },
  component: lazyRouteComponent(() => import('@/features/session/sign-in-page'), 'SignInPage'),
});

const tenant = createRoute({
  getParentRoute: () => door,
  path: '/tenant',
  beforeLoad: async ({ context }) => {
    if (!(await context.queryClient.ensureQueryData(sessionQuery)))
      throw redirect({ to: '/sign-in', search: {} });
  },
  component: lazyRouteComponent(() => import('@/features/session/tenant-page'), 'TenantPage'),
});

/** Pages of who is signed in and stands somewhere. */
const inside = createRoute({
  getParentRoute: () => root,
  id: 'inside',
  component: lazyRouteComponent(() => import('./shell'), 'Shell'),
  beforeLoad: async ({ context, location }) => {
    const session = await context.queryClient.ensureQueryData(sessionQuery);
    if (!session) throw redirect({ to: '/sign-in', search: { next: location.href } });
    if (!session.tenant) throw redirect({ to: '/tenant' });
  },
});

const home = createRoute({
  getParentRoute: () => inside,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/editor' });
  },
});

const editor = createRoute({
  getParentRoute: () => inside,
  path: '/editor',
  component: lazyRouteComponent(() => import('@/features/editor/editor-page'), 'EditorPage'),
});

const sessions = createRoute({
  getParentRoute: () => inside,
  path: '/sessions',
  component: lazyRouteComponent(() => import('@/features/session/sessions-page'), 'SessionsPage'),
});

const run = createRoute({
  getParentRoute: () => inside,
  path: '/runs/$id',
  validateSearch: z.object({
    step: z.optional(z.string()),
    view: z.optional(z.enum(['steps', 'time', 'data'])),
  }),
  component: lazyRouteComponent(() => import('@/features/runs/run-page'), 'RunPage'),
});

const compare = createRoute({
  getParentRoute: () => inside,
  path: '/runs/compare',
  validateSearch: z.object({ left: z.string(), right: z.string() }),
  component: lazyRouteComponent(() => import('@/features/runs/compare-page'), 'ComparePage'),
});

export const router = createRouter({
  routeTree: root.addChildren([
    door.addChildren([signIn, tenant]),
    inside.addChildren([home, sessions, editor, compare, run]),
  ]),
  context: { queryClient },
  defaultPreload: 'intent',
  defaultPendingComponent: Pending,
  defaultErrorComponent: Broken,
  defaultNotFoundComponent: Unknown,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
