// A short word that something was done: "Saved". What failed belongs beside its form, not in a toast.

import { Toast, ToastTitle, useToastController } from "@fluentui/react-components";

export const toasterId = "page-toasts";

/** @returns what shows a sentence for some seconds. */
export function useToast(): (text: string) => void {
  const { dispatchToast } = useToastController(toasterId);
  return (text) => {
    dispatchToast(
      <Toast>
        <ToastTitle>{text}</ToastTitle>
      </Toast>,
      { intent: "success", timeout: 4_000 },
    );
  };
}
