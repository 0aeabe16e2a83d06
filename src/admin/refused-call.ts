// A call that is refused for who makes it or how often: what ColdpathError's kinds have no status for.

export class RefusedCall extends Error {
  override readonly name = "RefusedCall";
  readonly status: 401 | 403 | 409 | 429;
  readonly code: string;
  readonly hint: string | undefined;
  readonly field: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: 401 | 403 | 409 | 429,
    code: string,
    message: string,
    more: { hint?: string; field?: string; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = more.hint;
    this.field = more.field;
    this.headers = more.headers ?? {};
  }
}
