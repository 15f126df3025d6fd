import { useNavigate } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { Plate } from '@/components/plate';
import { Empty } from '@/components/states';
import { useSession } from '@/lib/session';
import { useStand } from '@/lib/stand';
import { useTitle } from '@/lib/title';

/** Where one chooses for which *gestionnaire* one works now. */
export function TenantPage() {
  const { t } = useTranslation();
  useTitle(t('ui.tenant.choose'));
  const { tenants } = useSession();
  const navigate = useNavigate();
  const stand = useStand();
  return (
    <div className="mx-auto grid w-full max-w-sm gap-5">
      <Plate className="w-fit" />
      <h1 className="font-semibold text-2xl">{t('ui.tenant.choose')}</h1>
      {tenants.length === 0 && <Empty title={t('ui.tenant.none')}>{t('ui.tenant.none_lead')}</Empty>}
      <ul className="grid divide-y rounded-lg border bg-card">
        {tenants.map((tenant) => (
          <li key={tenant.id}>
            <button
              type="button"
              disabled={stand.isPending}
              className="flex w-full items-baseline justify-between gap-3 px-4 py-3 text-left hover:bg-accent"
              onClick={() => stand.mutate(tenant.id, { onSuccess: () => void navigate({ to: '/' }) })}
            >
              <span className="font-medium">{tenant.name}</span>
              <span className="text-muted-foreground text-xs">{t(`ui.role.${tenant.role}`)}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
