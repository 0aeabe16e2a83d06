// Where one is in the list of devices. The page stands in the address; how to go back from it in the browser's history, so
// that it survives leaving the list and coming back.

import { getRouteApi, useRouterState } from "@tanstack/react-router";
import type { Pages } from "../parts/data-table.tsx";
import type { DeviceSearch } from "./device-search.ts";

declare module "@tanstack/history" {
  interface HistoryState {
    /** `after` of the pages 2, 3, … up to the one shown. */
    deviceCursors?: readonly string[];
  }
}

const route = getRouteApi("/shell/devices");

export function useDevicePages(search: DeviceSearch): Pages {
  const navigate = route.useNavigate();
  const cursors = useRouterState({ select: ({ location }) => location.state.deviceCursors }) ?? [];
  const { after: _after, page: _page, ...first } = search;
  const show = (next: readonly string[], number: number): void => {
    const after = next.at(-1);
    void navigate({
      search: after === undefined ? first : { ...first, after, page: number },
      state: { deviceCursors: next },
    });
  };
  const number = search.after === undefined ? 1 : (search.page ?? 2);
  return {
    after: search.after,
    number,
    forward: (next) => show([...cursors, next], number + 1),
    // Whoever came by a link to page 3 goes back to the first.
    back: () => show(cursors.slice(0, -1), number - 1),
    reset: () => show([], 1),
  };
}
