import { LoadingRows } from '@/components/states';

/** While a page's code is on its way. */
export function Pending() {
  return (
    <div className="mx-auto w-full max-w-6xl p-6">
      <LoadingRows />
    </div>
  );
}
