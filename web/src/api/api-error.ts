// What a call can end with besides its answer: the server's refusal in its one form, or no connection.

/** The server's refusal. Its message, field and hint are made for people: show them as they are. */
export class ApiError extends Error {
  readonly status: number;
  /** Stable, e.g. `etag-stale`. */
  readonly code: string;
  /** Path of the offending input, e.g. `settings.endpoint`. */
  readonly field: string | null;
  readonly hint: string | null;
  /** How long to wait, where the server said so. */
  readonly retryAfterSeconds: number | null;

  constructor(given: {
    readonly status: number;
    readonly code: string;
    readonly message: string;
    readonly field?: string | null;
    readonly hint?: string | null;
    readonly retryAfterSeconds?: number | null;
  }) {
    super(given.message);
    this.name = "ApiError";
    this.status = given.status;
    this.code = given.code;
    this.field = given.field ?? null;
    this.hint = given.hint ?? null;
    this.retryAfterSeconds = given.retryAfterSeconds ?? null;
  }

  static of(response: Response, content: unknown): ApiError {
    const { status } = response;
    const { error } = (typeof content === "object" && content !== null ? content : {}) as {
      readonly error?: {
        readonly code?: string;
        readonly message?: string;
        readonly field?: string;
        readonly hint?: string;
      };
    };
    const retryAfter = Number(response.headers.get("retry-after") ?? "");
    return new ApiError({
      status,
      code: error?.code ?? "unknown",
      message: error?.message ?? `The server answered with status ${status}.`,
      field: error?.field ?? null,
      hint: error?.hint ?? null,
      retryAfterSeconds: Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : null,
    });
  }
}

/** The server was not reached. The page says so at its top and goes on by itself. */
export class ConnectionLost extends Error {
  constructor(cause: unknown) {
    super("The server cannot be reached.", { cause });
    this.name = "ConnectionLost";
  }
}
