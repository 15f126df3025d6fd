import { Toaster as Sonner } from 'sonner';
import { useTheme } from '@/lib/theme';

function Toaster() {
  const theme = useTheme();
  return (
    <Sonner
      theme={theme}
      position="bottom-right"
      toastOptions={{
        className: '!rounded-lg !border !border-border !bg-popover !text-popover-foreground !font-sans',
        descriptionClassName: '!text-muted-foreground',
      }}
    />
  );
}

export { Toaster };
