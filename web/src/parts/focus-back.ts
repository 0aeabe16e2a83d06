// A dialog above another: when the upper one goes, the focus must go back into the lower one. Else that stays hidden from screen
// readers, and the keyboard is outside of it.

import { useLayoutEffect } from "react";

/** Drawn within the upper dialog: gives the focus back to whatever had it when that opened. */
export function FocusBack(): null {
  useLayoutEffect(() => {
    const before = document.activeElement;
    return () => {
      if (!(before instanceof HTMLElement) || before === document.body) return;
      // After the dialog has taken its own leave of the focus.
      setTimeout(() => {
        if (before.isConnected) before.focus();
      }, 50);
    };
  }, []);
  return null;
}
