// The direct methods that were called while the page of a device, or of a module, is open, with what came of each. Nobody else keeps them.

import { useRef, useState } from "react";
import { ApiError } from "../api/api-error.ts";
import { type Schema, answerOf, api } from "../api/client.ts";
import { hearFailure } from "../api/query-client.ts";

export type MethodRequest = Schema<"MethodRequest">;

export interface MethodCall {
  /** Grows with each. */
  readonly number: number;
  readonly request: MethodRequest;
  readonly startedMs: number;
  /** Null while the device is waited for. */
  readonly outcome: MethodOutcome | null;
}
export type MethodOutcome =
  | { readonly kind: "answered"; readonly answer: Schema<"MethodAnswer">; readonly tookMs: number }
  | { readonly kind: "failed"; readonly error: Error; readonly tookMs: number };

export interface MethodCalls {
  /** Newest first. */
  readonly calls: readonly MethodCall[];
  /** Throws what the server says about the request itself; all else is the call's outcome. */
  readonly call: (request: MethodRequest) => Promise<void>;
}

const callsKept = 30;

/** @param moduleId  of that device; left out, the device itself is asked. */
export function useMethodCalls(deviceId: string, moduleId?: string): MethodCalls {
  const [calls, setCalls] = useState<readonly MethodCall[]>([]);
  const last = useRef(0);
  const call = async (request: MethodRequest): Promise<void> => {
    const number = ++last.current;
    const startedMs = Date.now();
    const settle = (outcome: MethodOutcome): void =>
      setCalls((before) => before.map((one) => (one.number === number ? { ...one, outcome } : one)));
    setCalls((before) => [{ number, request, startedMs, outcome: null }, ...before].slice(0, callsKept));
    // No mutation: it may take minutes, and the page waits for the end of those before it asks for the session again.
    try {
      const answer = await answerOf(
        moduleId === undefined
          ? api.POST("/api/v1/devices/{deviceId}/methods", { params: { path: { deviceId } }, body: request })
          : api.POST("/api/v1/devices/{deviceId}/modules/{moduleId}/methods", {
              params: { path: { deviceId, moduleId } },
              body: request,
            }),
      );
      settle({ kind: "answered", answer, tookMs: Date.now() - startedMs });
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      hearFailure(error);
      if (error instanceof ApiError && error.status === 400) {
        setCalls((before) => before.filter((one) => one.number !== number));
        throw error;
      }
      settle({ kind: "failed", error, tookMs: Date.now() - startedMs });
    }
  };
  return { calls, call };
}
