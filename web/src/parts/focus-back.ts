// When a dialog goes, the focus must go back to where it was. A dialog below it else stays hidden from screen readers, and the
// keyboard begins at the top of the page.

import { useLayoutEffect } from "react";

/** Drawn within a dialog: gives the focus back to whatever had it when that opened. */
export function FocusBack(): null {
  useLayoutEffect(() => {
    const before = document.activeElement;
    return () => {
      if (!(before instanceof HTMLElement) || before === document.body) return;
      // After the dialog has taken its own leave of the focus.
      setTimeout(() => {
        const opened = [...document.querySelectorAll("[role=dialog], [role=alertdialog]")];
        // The next step of what was begun is another dialog: the focus is in that one.
        if (before.isConnected && opened.every((dialog) => dialog.contains(before))) before.focus();
      }, 50);
    };
  }, []);
  return null;
}
