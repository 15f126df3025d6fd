import { Link } from '@tanstack/react-router';
import { CompassIcon } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Empty, ProblemView } from '@/components/states';
import { Button } from '@/components/ui/button';

/** A page that could not be shown. */
export function Broken({ error, reset }: { error: unknown; reset?: () => void }) {
  return (
    <div className="mx-auto w-full max-w-2xl p-6">
      <ProblemView error={error} retry={reset ?? (() => window.location.reload())} />
    </div>
  );
}

/** An address without a page. */
export function Unknown() {
  const { t } = useTranslation();
  return (
    <main id="main">
      <Empty
        icon={CompassIcon}
        title={t('ui.problem.page_unknown')}
        action={
          <Button asChild variant="outline">
            <Link to="/">{t('ui.nav.home')}</Link>
          </Button>
        }
      >
        {t('ui.fix.not_found')}
      </Empty>
    </main>
  );
}
