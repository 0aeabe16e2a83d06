// Leads elsewhere as soon as it is drawn. The router's own `Navigate` does so again at each drawing, and a page that is still
// being loaded draws what is there many times.

import { useRouter } from "@tanstack/react-router";
import { useEffect, useState } from "react";

/** @param to  a path of the page, with its search. */
export function GoTo({ to }: { readonly to: string }) {
  const router = useRouter();
  // Where it leads may be made of where one is, which this changes.
  const [target] = useState(to);
  useEffect(() => {
    router.history.replace(target);
  }, [router, target]);
  return null;
}
