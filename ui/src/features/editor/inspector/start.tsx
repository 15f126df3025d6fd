/** The workflow itself: its names, what starts it, what it is given. */
import { useTranslation } from 'react-i18next';
import { useEdited } from '../editor';
import { cronOf } from './cron';
import { StepField } from './fields';

function useCronWords(): (text: string) => string {
  const { t } = useTranslation();
  return (text) => {
    const cron = cronOf(text);
    if (!cron) return text;
    const { when, days, months } = cron;
    const parts = [
      when.kind === 'minutes'
        ? t('ui.editor.cron.minutes', { count: when.step })
        : when.kind === 'hourly'
          ? t('ui.editor.cron.hourly', { minute: when.minute })
          : t('ui.editor.cron.daily', { times: when.times }),
      days?.kind === 'weekdays' && t('ui.editor.cron.weekdays'),
      days?.kind === 'weekend' && t('ui.editor.cron.weekend'),
      days?.kind === 'named' && t('ui.editor.cron.named', { days: days.names }),
      days?.kind === 'month' && t('ui.editor.cron.month', { days: days.numbers }),
      months && t('ui.editor.cron.months', { months }),
    ];
    return parts.filter(Boolean).join(', ');
  };
}

export function StartForm() {
  const { t } = useTranslation();
  const start = useEdited((state) => state.graph.start);
  const inWords = useCronWords();
  return (
    <div className="grid gap-5">
      <StepField path={[]} name="name" label={t('ui.editor.name')} help={t('ui.editor.name_help')} />
      <StepField path={[]} name="title" label={t('ui.editor.title')} />
      <section className="grid gap-2">
        <h2 className="font-medium text-sm">{t('ui.editor.triggers')}</h2>
        {start.triggers.length === 0 && (
          <p className="text-muted-foreground text-xs">{t('ui.editor.manual_only')}</p>
        )}
        <ul className="grid gap-2">
          {start.triggers.map(({ name, kind, detail }) => (
            <li key={name} className="rounded-md border px-3 py-2">
              <p className="font-mono text-xs">{name}</p>
              <p className="text-[0.8125rem]">
                {t(`ui.editor.trigger.${kind as 'manual'}`)}
                {detail && (
                  <span className="text-muted-foreground">
                    {' '}
                    — {kind === 'schedule' ? inWords(detail) : detail}
                  </span>
                )}
              </p>
            </li>
          ))}
        </ul>
      </section>
      <StepField path={[]} name="triggers" label={t('ui.editor.triggers_edit')} schema={{ type: 'object' }} />
      <StepField path={[]} name="inputs" label={t('ui.editor.inputs')} schema={{ type: 'object' }} />
      <StepField path={[]} name="outputs" label={t('ui.editor.outputs')} schema={{ type: 'object' }} />
    </div>
  );
}
