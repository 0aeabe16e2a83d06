// A fault of the page's own code: says so instead of going blank.

import { Component, type ReactNode } from "react";
import { ErrorState } from "../parts/states.tsx";

export class ErrorBoundary extends Component<{ readonly children: ReactNode }, { readonly error: Error | null }> {
  override state: { readonly error: Error | null } = { error: null };

  static getDerivedStateFromError(error: unknown): { readonly error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    return error === null ? this.props.children : <FailedPage error={error} />;
  }
}

/** A chunk that cannot be loaded means that the server was updated: the same way out. */
export function FailedPage({ error }: { readonly error: Error }) {
  return <ErrorState title="This page failed" error={error} onRetry={() => location.reload()} />;
}
