// The log that rooms write to. The server gives pino's; tests give `silentLog` or their own.
//
// Messages are sentences; numbers and names are structured fields. `error` means that an operator must act or data is
// at risk, `warn` that something unexpected was survived; `info` is never per message of a device.

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};
