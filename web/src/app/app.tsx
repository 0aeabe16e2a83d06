// What surrounds all pages: the theme, the queries, the router, toasts.

import { FluentProvider, Toaster, webDarkTheme, webLightTheme } from "@fluentui/react-components";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { queryClient } from "../api/query-client.ts";
import { toasterId } from "../parts/toasts.tsx";
import { ErrorBoundary } from "./error-boundary.tsx";
import { router } from "./routes.tsx";
import { useIsDark } from "./theme.ts";

export function App() {
  const isDark = useIsDark();
  return (
    <FluentProvider theme={isDark ? webDarkTheme : webLightTheme} data-theme={isDark ? "dark" : "light"}>
      <ErrorBoundary>
        <QueryClientProvider client={queryClient}>
          <RouterProvider router={router} />
          <Toaster toasterId={toasterId} position="bottom-end" />
        </QueryClientProvider>
      </ErrorBoundary>
    </FluentProvider>
  );
}
