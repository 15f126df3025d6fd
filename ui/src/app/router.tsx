/** Every page, on one screen; each is fetched when it is first opened. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
} from '@tanstack/react-router';
import { OfflineBanner } from '@/components/states';
import { Broken, Unknown } from './fallbacks';
import { Home } from './home';
import { Pending } from './pending';

const root = createRootRoute({
  component: () => (
    <>
      <OfflineBanner />
      <Outlet />
    </>
  ),
  errorComponent: Broken,
  notFoundComponent: Unknown,
});

const home = createRoute({ getParentRoute: () => root, path: '/', component: Home });

const editor = createRoute({
  getParentRoute: () => root,
  path: '/editor',
  component: lazyRouteComponent(() => import('@/features/editor/editor-page'), 'EditorPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([home, editor]),
  defaultPreload: 'intent',
  defaultPendingComponent: Pending,
  defaultErrorComponent: Broken,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
