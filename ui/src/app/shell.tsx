import { Link, Outlet, useNavigate } from '@tanstack/react-router';
import { ChevronsUpDownIcon, LogOutIcon, MenuIcon, SearchIcon } from 'lucide-react';
import { lazy, Suspense, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Plate } from '@/components/plate';
import { Button } from '@/components/ui/button';
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuItem,
  DropdownMenuLabel,
  DropdownMenuRadioGroup,
  DropdownMenuRadioItem,
  DropdownMenuSeparator,
  DropdownMenuTrigger,
} from '@/components/ui/dropdown-menu';
import { Kbd } from '@/components/ui/kbd';
import { Sheet, SheetContent, SheetTitle, SheetTrigger } from '@/components/ui/sheet';
import { useMay, useSession } from '@/lib/session';
import { useStand } from '@/lib/stand';
import { account, type Destination, work } from './navigation';
import { LanguageChoice, ThemeChoice } from './preferences';
import { useSignOut } from './sign-out';

const Palette = lazy(() => import('./palette').then((module) => ({ default: module.Palette })));

function Destinations({ among, onGo }: { among: Destination[]; onGo?: () => void }) {
  const { t } = useTranslation();
  const may = useMay();
  return (
    <ul className="grid gap-0.5">
      {among
        .filter(({ needs }) => !needs || may(needs))
        .map(({ to, label, icon: Icon }) => (
          <li key={to}>
            <Link
              to={to}
              onClick={onGo}
              className="flex items-center gap-2.5 rounded-md px-2.5 py-1.5 text-muted-foreground hover:bg-accent hover:text-foreground data-[status=active]:bg-card data-[status=active]:font-medium data-[status=active]:text-foreground data-[status=active]:shadow-[inset_2px_0_0_var(--primary)]"
            >
              <Icon aria-hidden className="size-4" strokeWidth={1.75} />
              {t(`ui.nav.${label}`)}
            </Link>
          </li>
        ))}
    </ul>
  );
}

function TenantChoice() {
  const { t } = useTranslation();
  const { tenant, tenants } = useSession();
  const stand = useStand();
  const navigate = useNavigate();
  if (!tenant) return null;
  const name = (
    <span className="grid min-w-0 text-left">
      <span className="truncate font-medium">{tenant.name}</span>
      <span className="truncate text-muted-foreground text-xs">{t(`ui.role.${tenant.role}`)}</span>
    </span>
  );
  if (tenants.length < 2) return <div className="px-2.5 py-1.5">{name}</div>;
  return (
    <DropdownMenu>
      <DropdownMenuTrigger
        aria-label={`${t('ui.tenant.label')} : ${tenant.name}`}
        className="flex w-full items-center justify-between gap-2 rounded-md px-2.5 py-1.5 hover:bg-accent"
      >
        {name}
        <ChevronsUpDownIcon aria-hidden className="size-4 shrink-0 text-muted-foreground" />
      </DropdownMenuTrigger>
      <DropdownMenuContent align="start" className="min-w-56">
        <DropdownMenuLabel>{t('ui.tenant.choose')}</DropdownMenuLabel>
        <DropdownMenuRadioGroup
          value={tenant.id}
          onValueChange={(id) => stand.mutate(id, { onSuccess: () => void navigate({ to: '/' }) })}
        >
          {tenants.map((each) => (
            <DropdownMenuRadioItem key={each.id} value={each.id}>
              {each.name}
            </DropdownMenuRadioItem>
          ))}
        </DropdownMenuRadioGroup>
      </DropdownMenuContent>
    </DropdownMenu>
  );
}

function Sidebar({ onGo }: { onGo?: () => void }) {
  const { t } = useTranslation();
  return (
    <div className="flex h-full flex-col gap-4 p-3">
      <Link to="/" onClick={onGo} className="w-fit rounded-md px-1 pt-1" aria-label={t('ui.nav.home')}>
        <Plate />
      </Link>
      <TenantChoice />
      <nav aria-label={t('ui.nav.main')} className="flex flex-1 flex-col justify-between gap-4">
        <Destinations among={work} onGo={onGo} />
        <Destinations among={account} onGo={onGo} />
      </nav>
    </div>
  );
}

function AccountMenu() {
  const { t } = useTranslation();
  const { person } = useSession();
  const signOut = useSignOut();
  const initials = person.name
    .split(/\s+/)
    .map((part) => part[0])
    .join('')
    .slice(0, 2);
  return (
    <DropdownMenu>
      <DropdownMenuTrigger
        aria-label={person.name}
        className="grid size-8 place-items-center rounded-full bg-plate font-semibold text-white text-xs"
      >
        {initials}
      </DropdownMenuTrigger>
      <DropdownMenuContent align="end">
        <DropdownMenuLabel>
          <span className="block font-medium text-foreground text-sm">{person.name}</span>
          {person.email}
        </DropdownMenuLabel>
        <DropdownMenuSeparator />
        <DropdownMenuItem onSelect={() => signOut()}>
          <LogOutIcon /> {t('ui.act.sign_out')}
        </DropdownMenuItem>
      </DropdownMenuContent>
    </DropdownMenu>
  );
}

/** What surrounds each page of who is signed in. */
export function Shell() {
  const { t } = useTranslation();
  const [menu, setMenu] = useState(false);
  const [palette, setPalette] = useState(false);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === 'k' && (event.metaKey || event.ctrlKey)) {
        event.preventDefault();
        setPalette((open) => !open);
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
  return (
    <div className="grid min-h-dvh md:grid-cols-[14rem_minmax(0,1fr)] print:block">
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-md focus:bg-card focus:px-3 focus:py-2"
      >
        {t('ui.nav.skip')}
      </a>
      <aside data-screen-only className="sticky top-0 hidden h-dvh border-r bg-sidebar md:block">
        <Sidebar />
      </aside>
      <div className="flex min-w-0 flex-col">
        <header
          data-screen-only
          className="sticky top-0 z-30 flex h-13 items-center gap-2 border-b bg-background/95 px-3 md:px-8"
        >
          <Sheet open={menu} onOpenChange={setMenu}>
            <SheetTrigger asChild>
              <Button variant="ghost" size="icon-sm" className="md:hidden" aria-label={t('ui.act.menu')}>
                <MenuIcon />
              </Button>
            </SheetTrigger>
            <SheetContent side="left" aria-describedby={undefined} className="bg-sidebar">
              <SheetTitle className="sr-only">{t('ui.act.menu')}</SheetTitle>
              <Sidebar onGo={() => setMenu(false)} />
            </SheetContent>
          </Sheet>
          <button
            type="button"
            onClick={() => setPalette(true)}
            className="flex h-8 min-w-0 flex-1 items-center gap-2 rounded-md border border-input bg-card px-2.5 text-left text-muted-foreground text-sm hover:border-ring md:max-w-80"
          >
            <SearchIcon aria-hidden className="size-4 shrink-0" />
            <span className="truncate">{t('ui.palette.open')}</span>
            <span className="ml-auto hidden gap-0.5 md:flex">
              <Kbd>Ctrl</Kbd>
              <Kbd>K</Kbd>
            </span>
          </button>
          <div className="ml-auto flex items-center gap-1">
            <LanguageChoice />
            <ThemeChoice />
            <AccountMenu />
          </div>
        </header>
        <main id="main" tabIndex={-1} className="min-w-0 flex-1 outline-none">
          <Outlet />
        </main>
      </div>
      {palette && (
        <Suspense>
          <Palette onClose={() => setPalette(false)} />
        </Suspense>
      )}
    </div>
  );
}
