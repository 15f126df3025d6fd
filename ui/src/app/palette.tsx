import { useNavigate } from '@tanstack/react-router';
import { LanguagesIcon, LogOutIcon, MoonIcon, SunIcon } from 'lucide-react';
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
import { language, speak } from '@/lib/i18n';
import { useMay } from '@/lib/session';
import { setTheme } from '@/lib/theme';
import { account, work } from './navigation';
import { useSignOut } from './sign-out';

/** Every page and act, by a few letters of its name. */
export function Palette({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const may = useMay();
  const navigate = useNavigate();
  const signOut = useSignOut();
  const other = language() === 'fr' ? 'en' : 'fr';
  const then = (act: () => void) => () => {
    onClose();
    act();
  };
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()}>
      <DialogContent className="top-24 max-w-xl translate-y-0 gap-0 p-0">
        <DialogTitle className="sr-only">{t('ui.palette.open')}</DialogTitle>
        <DialogDescription className="sr-only">{t('ui.palette.open')}</DialogDescription>
        <Command loop label={t('ui.palette.open')}>
          <CommandInput placeholder={t('ui.palette.open')} />
          <CommandList>
            <CommandEmpty>{t('ui.palette.none')}</CommandEmpty>
            <CommandGroup heading={t('ui.palette.pages')}>
              {[...work, ...account]
                .filter(({ needs }) => !needs || may(needs))
                .map(({ to, label, icon: Icon }) => (
                  <CommandItem key={to} onSelect={then(() => void navigate({ to }))}>
                    <Icon /> {t(`ui.nav.${label}`)}
                  </CommandItem>
                ))}
            </CommandGroup>
            <CommandGroup heading={t('ui.palette.acts')}>
              <CommandItem onSelect={then(() => setTheme('light'))}>
                <SunIcon /> {t('ui.theme.label')} : {t('ui.theme.light')}
              </CommandItem>
              <CommandItem onSelect={then(() => setTheme('dark'))}>
                <MoonIcon /> {t('ui.theme.label')} : {t('ui.theme.dark')}
              </CommandItem>
              <CommandItem onSelect={then(() => void speak(other))}>
                <LanguagesIcon /> {t(`ui.language.${other}`)}
              </CommandItem>
              <CommandItem onSelect={then(signOut)}>
                <LogOutIcon /> {t('ui.act.sign_out')}
              </CommandItem>
            </CommandGroup>
          </CommandList>
        </Command>
      </DialogContent>
    </Dialog>
  );
}
