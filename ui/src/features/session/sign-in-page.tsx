import { useMutation } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { LogInIcon } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Field } from '@/components/field';
import { Plate } from '@/components/plate';
import { ProblemView } from '@/components/states';
import { Button } from '@/components/ui/button';
import { Input } from '@/components/ui/input';
import { api, data, queries } from '@/lib/api/client';
import type { components } from '@/lib/api/schema';
import { useEnter } from '@/lib/session';
import { useTitle } from '@/lib/title';

type Credentials = components['schemas']['SignInBody'];
type DemoAccount = components['schemas']['DemoAccountView'];

/** Where one signs in; the demo shows whom one may be. */
export function SignInPage() {
  const { t } = useTranslation();
  useTitle(t('ui.sign_in.title'));
  const { next } = useSearch({ from: '/door/sign-in' });
  const navigate = useNavigate();
  const enter = useEnter();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const signIn = useMutation({
    mutationFn: (body: Credentials) => data(api.POST('/api/v1/session', { body })),
    onSuccess: (session) => {
      enter(session);
      void navigate({ to: next ?? '/' });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate({ email, password });
  };
  return (
    <div className="mx-auto grid w-full max-w-sm gap-7">
      <div className="grid gap-5">
        <Plate className="w-fit px-4 py-2 text-base" />
        <h1 className="font-semibold text-2xl">{t('ui.sign_in.title')}</h1>
      </div>
      <form onSubmit={submit} className="grid gap-4">
        <Field label={t('ui.sign_in.email')}>
          {(control) => (
            <Input
              {...control}
              type="email"
              autoComplete="username"
              required
              value={email}
              onChange={(event) => setEmail(event.target.value)}
            />
          )}
        </Field>
        <Field label={t('ui.sign_in.password')}>
          {(control) => (
            <Input
              {...control}
              type="password"
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
          )}
        </Field>
        {signIn.error && <ProblemView error={signIn.error} />}
        <Button type="submit" size="lg" disabled={signIn.isPending}>
          <LogInIcon /> {t('ui.sign_in.act')}
        </Button>
      </form>
      <DemoAccounts busy={signIn.isPending} onChoose={signIn.mutate} />
    </div>
  );
}

function DemoAccounts({ busy, onChoose }: { busy: boolean; onChoose: (account: Credentials) => void }) {
  const { t } = useTranslation();
  const accounts = queries.useQuery(
    'get',
    '/api/v1/demo/accounts',
    {},
    { staleTime: Infinity, retry: false },
  );
  if (!accounts.data?.length) return null; // no demo is served here
  const tenants = Map.groupBy(accounts.data, (account) => account.tenant);
  return (
    <section aria-labelledby="demo" className="grid gap-3 border-t pt-5">
      <div>
        <h2 id="demo" className="font-semibold">
          {t('ui.sign_in.demo')}
        </h2>
        <p className="text-muted-foreground text-sm">{t('ui.sign_in.demo_lead')}</p>
      </div>
      {[...tenants].map(([tenant, people]) => (
        <div key={tenant} className="grid gap-1">
          <h3 className="text-muted-foreground text-xs">{tenant}</h3>
          <ul className="grid divide-y rounded-lg border bg-card">
            {people.map((account) => (
              <DemoRow
                key={`${account.email} ${account.role}`}
                account={account}
                busy={busy}
                onChoose={onChoose}
              />
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}

function DemoRow(props: { account: DemoAccount; busy: boolean; onChoose: (account: Credentials) => void }) {
  const { t } = useTranslation();
  const { email, password, name, role } = props.account;
  return (
    <li>
      <button
        type="button"
        disabled={props.busy}
        onClick={() => props.onChoose({ email, password })}
        className="flex w-full items-baseline justify-between gap-3 px-3 py-2 text-left hover:bg-accent"
      >
        <span className="font-medium">{name}</span>
        <span className="text-muted-foreground text-xs">{t(`ui.role.${role}`)}</span>
      </button>
    </li>
  );
}
