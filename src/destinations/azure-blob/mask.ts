// Keeps secrets out of what people read: messages of the service and of libraries may quote a URL or a header.

export type Mask = (text: string) => string;

/** A function that replaces `secrets`, and whatever looks like a signature, key or token, by `***`. */
export function maskOf(secrets: readonly string[]): Mask {
  // The longest first, or a part would be replaced and the rest left.
  const exact = secrets.filter((secret) => secret.length >= 4).sort((left, right) => right.length - left.length);
  return (text) => {
    let masked = text;
    for (const secret of exact) masked = masked.replaceAll(secret, "***");
    return masked
      .replaceAll(/\b(sig|signature|accountkey|sharedaccesssignature|client_secret)=[^&;\s"'<>]+/gi, "$1=***")
      .replaceAll(/\b(SharedKey(?:Lite)?|Bearer)\s+[^\s"'<>]+/gi, "$1 ***");
  };
}
