/** Every act of the editor, and every node, by a few letters. */
import { RepeatIcon } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import {
  Command,
  CommandEmpty,
  CommandGroup,
  CommandInput,
  CommandItem,
  CommandList,
} from '@/components/ui/command';
import { Dialog, DialogContent, DialogDescription, DialogTitle } from '@/components/ui/dialog';
import { Kbd } from '@/components/ui/kbd';
import { add } from './acts';
import { signOf } from './canvas/looks';
import { useEditor } from './editor';
import { kinds } from './nodes';
import { useNodeWords } from './words';

export interface Act {
  name: string;
  key?: string;
  run: () => void;
}

export function Palette({ acts, onClose }: { acts: Act[]; onClose: () => void }) {
  const { t } = useTranslation();
  const editor = useEditor();
  const { title, about } = useNodeWords();
  const then = (run: () => void) => () => {
    onClose();
    run();
  };
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()}>
      <DialogContent className="top-24 max-w-xl translate-y-0 gap-0 p-0">
        <DialogTitle className="sr-only">{t('ui.editor.palette')}</DialogTitle>
        <DialogDescription className="sr-only">{t('ui.editor.palette')}</DialogDescription>
        <Command loop label={t('ui.editor.palette')}>
          <CommandInput placeholder={t('ui.editor.palette')} />
          <CommandList>
            <CommandEmpty>{t('ui.editor.palette_none')}</CommandEmpty>
            <CommandGroup heading={t('ui.editor.palette_steps')}>
              {kinds.map((kind) => {
                const Sign = signOf(kind.uses);
                return (
                  <CommandItem
                    key={kind.uses}
                    value={`${title(kind.uses)} ${kind.uses}`}
                    keywords={[about(kind.uses)]}
                    onSelect={then(() => add(editor, kind))}
                  >
                    <Sign />
                    <span className="grid min-w-0 flex-1">
                      <span>{title(kind.uses)}</span>
                      <span className="truncate text-muted-foreground text-xs">{about(kind.uses)}</span>
                    </span>
                    <span className="font-mono text-2xs text-muted-foreground">{kind.uses}</span>
                  </CommandItem>
                );
              })}
              <CommandItem value={t('ui.editor.loop')} onSelect={then(() => add(editor, 'loop'))}>
                <RepeatIcon />
                <span className="grid min-w-0 flex-1">
                  <span>{t('ui.editor.loop')}</span>
                  <span className="truncate text-muted-foreground text-xs">{t('ui.editor.loop_about')}</span>
                </span>
                <span className="font-mono text-2xs text-muted-foreground">for_each</span>
              </CommandItem>
            </CommandGroup>
            <CommandGroup heading={t('ui.editor.palette_acts')}>
              {acts.map(({ name, key, run }) => (
                <CommandItem key={name} onSelect={then(run)}>
                  <span className="flex-1">{name}</span>
                  {key && <Kbd>{key}</Kbd>}
                </CommandItem>
              ))}
            </CommandGroup>
          </CommandList>
        </Command>
      </DialogContent>
    </Dialog>
  );
}
