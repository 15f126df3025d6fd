import { LanguagesIcon, MoonIcon, SunIcon, SunMoonIcon } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Button } from '@/components/ui/button';
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuLabel,
  DropdownMenuRadioGroup,
  DropdownMenuRadioItem,
  DropdownMenuTrigger,
} from '@/components/ui/dropdown-menu';
import { type Language, language, languages, speak } from '@/lib/i18n';
import { setTheme, type Theme, themes, useTheme } from '@/lib/theme';

const signs = { system: SunMoonIcon, light: SunIcon, dark: MoonIcon };

/** The choice between light, dark, and the system's. */
export function ThemeChoice() {
  const { t } = useTranslation();
  const theme = useTheme();
  const Sign = signs[theme];
  return (
    <DropdownMenu>
      <DropdownMenuTrigger asChild>
        <Button variant="ghost" size="icon-sm" aria-label={t('ui.theme.label')}>
          <Sign />
        </Button>
      </DropdownMenuTrigger>
      <DropdownMenuContent align="end">
        <DropdownMenuLabel>{t('ui.theme.label')}</DropdownMenuLabel>
        <DropdownMenuRadioGroup value={theme} onValueChange={(next) => setTheme(next as Theme)}>
          {themes.map((each) => (
            <DropdownMenuRadioItem key={each} value={each}>
              {t(`ui.theme.${each}`)}
            </DropdownMenuRadioItem>
          ))}
        </DropdownMenuRadioGroup>
      </DropdownMenuContent>
    </DropdownMenu>
  );
}

/** The choice of language. */
export function LanguageChoice() {
  const { t } = useTranslation();
  return (
    <DropdownMenu>
      <DropdownMenuTrigger asChild>
        <Button variant="ghost" size="icon-sm" aria-label={t('ui.language.label')}>
          <LanguagesIcon />
        </Button>
      </DropdownMenuTrigger>
      <DropdownMenuContent align="end">
        <DropdownMenuLabel>{t('ui.language.label')}</DropdownMenuLabel>
        <DropdownMenuRadioGroup value={language()} onValueChange={(next) => void speak(next as Language)}>
          {languages.map((each) => (
            <DropdownMenuRadioItem key={each} value={each} lang={each}>
              {t(`ui.language.${each}`)}
            </DropdownMenuRadioItem>
          ))}
        </DropdownMenuRadioGroup>
      </DropdownMenuContent>
    </DropdownMenu>
  );
}
