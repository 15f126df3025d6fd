import { RotateCwIcon } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Field } from '@/components/field';
import { ProblemView } from '@/components/states';
import { Button } from '@/components/ui/button';
import { Checkbox } from '@/components/ui/checkbox';
import {
  Dialog,
  DialogContent,
  DialogDescription,
  DialogFooter,
  DialogHeader,
  DialogTitle,
  DialogTrigger,
} from '@/components/ui/dialog';
import { Label } from '@/components/ui/label';
import { NativeSelect } from '@/components/ui/native-select';
import { Textarea } from '@/components/ui/textarea';
import { useRunActs } from './api';
import { type Run, type Step, typedJson } from './model';

const shown = (value: unknown) => JSON.stringify(value ?? {}, null, 2);

/** Runs again from the beginning or from a step, with data that one may edit first. */
export function RerunDialog({ run, from }: { run: Run; from?: Step }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const title = from ? t('ui.run.rerun_from', { step: from.path }) : t('ui.run.rerun');
  return (
    <Dialog open={open} onOpenChange={setOpen}>
      <DialogTrigger asChild>
        <Button variant="outline" size={from ? 'sm' : 'default'}>
          <RotateCwIcon /> {from ? t('ui.run.rerun_here') : t('ui.run.rerun')}
        </Button>
      </DialogTrigger>
      <DialogContent className="max-w-2xl">
        <DialogHeader>
          <DialogTitle>{title}</DialogTitle>
          <DialogDescription>{t('ui.run.rerun_lead')}</DialogDescription>
        </DialogHeader>
        <RerunForm run={run} from={from} onClose={() => setOpen(false)} />
      </DialogContent>
    </Dialog>
  );
}

function RerunForm({ run, from, onClose }: { run: Run; from?: Step; onClose: () => void }) {
  const { t } = useTranslation();
  const { rerun } = useRunActs(run.id);
  const [inputs, setInputs] = useState(() => shown(run.inputs));
  const [published, setPublished] = useState(false);
  const [edited, setEdited] = useState('');
  const [output, setOutput] = useState('');
  const others = run.steps.filter((step) => step.items.length === 0 && step.path !== from?.path);
  const readInputs = typedJson.safeParse(inputs);
  const readOutput = typedJson.safeParse(output || '{}');
  const why = (read: typeof readInputs) => read.error?.issues[0]?.message;
  const pick = (path: string) => {
    setEdited(path);
    setOutput(shown(run.steps.find((step) => step.path === path)?.attempts.at(-1)?.output));
  };
  const submit = () => {
    if (!readInputs.success || !readOutput.success) return;
    const outputs = edited ? { [edited]: readOutput.data } : {};
    const same = inputs === shown(run.inputs);
    const body = {
      from: from ? [from.path] : [],
      published,
      outputs,
      ...(same ? {} : { inputs: readInputs.data }),
    };
    rerun.mutate(body, { onSuccess: onClose });
  };
  return (
    <div className="grid gap-4">
      <Field label={t('ui.run.inputs')} error={why(readInputs)}>
        {(control) => (
          <Textarea
            {...control}
            spellCheck={false}
            className="min-h-32 font-mono text-xs"
            value={inputs}
            onChange={(event) => setInputs(event.target.value)}
          />
        )}
      </Field>
      {from && others.length > 0 && (
        <Field label={t('ui.run.edit_output')} hint={t('ui.run.edit_output_hint')}>
          {(control) => (
            <NativeSelect {...control} value={edited} onChange={(event) => pick(event.target.value)}>
              <option value="">{t('ui.run.edit_none')}</option>
              {others.map((step) => (
                <option key={step.path} value={step.path}>
                  {step.path}
                </option>
              ))}
            </NativeSelect>
          )}
        </Field>
      )}
      {edited && (
        <Field label={t('ui.run.output_of', { step: edited })} error={why(readOutput)}>
          {(control) => (
            <Textarea
              {...control}
              spellCheck={false}
              className="min-h-32 font-mono text-xs"
              value={output}
              onChange={(event) => setOutput(event.target.value)}
            />
          )}
        </Field>
      )}
      <Label className="flex items-center gap-2 font-normal">
        <Checkbox checked={published} onCheckedChange={(checked) => setPublished(checked === true)} />
        {t('ui.run.published')}
      </Label>
      {rerun.error && <ProblemView error={rerun.error} />}
      <DialogFooter>
        <Button variant="outline" onClick={onClose}>
          {t('ui.act.cancel')}
        </Button>
        <Button disabled={rerun.isPending || !readInputs.success || !readOutput.success} onClick={submit}>
          <RotateCwIcon /> {t('ui.run.rerun')}
        </Button>
      </DialogFooter>
    </div>
  );
}
