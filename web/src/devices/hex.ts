// Bytes as people read them: offset, hex, and what is printable. Pure.

const lineBytes = 16;
/** More lines than anybody reads. */
const bytesMax = 16_384;

export function hexOf(base64: string, max = bytesMax): string {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)).subarray(0, max);
  const lines: string[] = [];
  for (let first = 0; first < bytes.length; first += lineBytes) {
    const line = bytes.subarray(first, first + lineBytes);
    const hex = Array.from(line, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = Array.from(line, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${first.toString(16).padStart(6, "0")}  ${hex.padEnd(lineBytes * 3 - 1)}  ${text}`);
  }
  return lines.join("\n");
}
