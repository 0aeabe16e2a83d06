// Requests to one account: each bounded in time, and each error a DestinationError without secrets.

import { codeOf, messageOf } from "../../lib/errors.ts";
import { DestinationError, type Failure } from "../destination.ts";
import { aborted, temporary } from "../failure.ts";
import { sasExpiry } from "./connection-string.ts";
import { Deadline } from "./deadline.ts";
import type { Mask } from "./mask.ts";
import { serviceFailure } from "./service-error.ts";

export interface RequestOptions {
  readonly requestTimeoutMs: number;
  readonly mask: Mask;
  /** The SAS in use, null for another credential. */
  readonly sas: string | null;
}

export class Requests {
  readonly #options: RequestOptions;

  constructor(options: RequestOptions) {
    this.#options = options;
  }

  /** What `request` gives, within the time of one request. Throws DestinationError. */
  async run<T>(
    operation: string,
    signal: AbortSignal | undefined,
    request: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const deadline = this.deadline(signal);
    try {
      return await deadline.race(request(deadline.signal));
    } catch (thrown) {
      throw this.error(thrown, operation, deadline, signal);
    } finally {
      deadline.end();
    }
  }

  /** For streams and pages: the caller says `restart`, `pause` and `end`. */
  deadline(signal: AbortSignal | undefined): Deadline {
    return new Deadline(this.#options.requestTimeoutMs, signal);
  }

  /** The DestinationError for what came out of a request under `deadline`. */
  error(thrown: unknown, operation: string, deadline: Deadline, signal: AbortSignal | undefined): DestinationError {
    if (thrown instanceof DestinationError) return thrown;
    return new DestinationError(this.#failure(thrown, operation, deadline, signal), this.#masked(thrown));
  }

  #failure(thrown: unknown, operation: string, deadline: Deadline, signal: AbortSignal | undefined): Failure {
    const { requestTimeoutMs, mask } = this.#options;
    if (signal?.aborted === true) return aborted(operation);
    if (deadline.hasPassed) {
      return temporary(
        "timeout",
        `cannot ${operation}: no answer within ${requestTimeoutMs / 1_000} s`,
        "Check the network and the service's health; the export tries again by itself.",
      );
    }
    return this.#withExpiry(serviceFailure(thrown, operation, mask));
  }

  /** Says it when the SAS has run out: the service calls it AuthenticationFailed only. */
  #withExpiry(failure: Failure): Failure {
    const expiry = this.#options.sas === null ? null : sasExpiry(this.#options.sas);
    // Real time: the service on the other side of the wire judges by it.
    if (expiry === null || !/^Auth.*Fail/.test(failure.code) || !(Date.parse(expiry) < Date.now())) return failure;
    return {
      ...failure,
      message: `${failure.message}: the shared access signature expired at ${expiry}`,
      hint: "Make a new SAS (read, create, write and list on the container) and save it in the storage account.",
    };
  }

  /** The cause for logs: the SDK's own error carries the request, with its URL and headers. */
  #masked(thrown: unknown): Error {
    const name = thrown instanceof Error ? thrown.name : "Error";
    const cause = new Error(this.#options.mask(messageOf(thrown)));
    cause.name = name;
    const code = codeOf(thrown);
    return code === undefined ? cause : Object.assign(cause, { code });
  }
}
