// The answers of a connection on their way out. A device that does not read them leaves them here, in one piece.
//
// M1: given to the socket one by one, each PUBACK of four bytes would wait there as an object forty times its size. So the
// socket holds little, and what comes behind it is gathered until the socket is done.

/** What of a socket is used: `done` is called when all that was written is out, or with why not. */
export interface AnswerSocket {
  readonly writableLength: number;
  write(bytes: Uint8Array, done?: (error?: Error | null) => void): boolean;
}

/** What the socket may hold in small writes, at most. */
const socketBytesMax = 1024;
const roomBytesMin = 1024;
const noBytes = Buffer.alloc(0);

export class Unsent {
  readonly #socket: AnswerSocket;
  readonly #caughtUp: () => void;
  readonly #socketBytesMax: number;
  #isBehind = false;
  /** Memory of its own, used up to `#gathered`. */
  #buffer: Buffer = noBytes;
  #gathered = 0;

  /**
   * @param bytesMax  whenever `bytes` is above it, `caughtUp` will be called.
   * @param caughtUp  called when the socket took what was gathered: there may be fewer bytes now.
   */
  constructor(socket: AnswerSocket, bytesMax: number, caughtUp: () => void) {
    this.#socketBytesMax = Math.min(socketBytesMax, bytesMax);
    this.#socket = socket;
    this.#caughtUp = caughtUp;
  }

  get bytes(): number {
    return this.#socket.writableLength + this.#gathered;
  }

  write(answer: Uint8Array): void {
    if (this.#isBehind) return this.#gather(answer);
    if (this.#socket.writableLength + answer.length <= this.#socketBytesMax) {
      this.#socket.write(answer);
      return;
    }
    this.#isBehind = true;
    this.#socket.write(answer, (error) => {
      if (error) return; // it is over
      this.#isBehind = false;
      this.flush();
      this.#caughtUp();
    });
  }

  /** Gives the socket all there is. */
  flush(): void {
    if (this.#gathered === 0) return;
    const all = this.#buffer.subarray(0, this.#gathered);
    this.drop();
    if (this.#isBehind) this.#socket.write(all);
    else this.write(all);
  }

  /** Nobody will read what was gathered. */
  drop(): void {
    this.#buffer = noBytes;
    this.#gathered = 0;
  }

  #gather(answer: Uint8Array): void {
    const bytes = this.#gathered + answer.length;
    if (bytes > this.#buffer.length) {
      // Not doubled: a thousand devices that do not read should need what the option says.
      const grown = Buffer.allocUnsafeSlow(Math.max(roomBytesMin, bytes + (bytes >> 3)));
      grown.set(this.#buffer.subarray(0, this.#gathered));
      this.#buffer = grown;
    }
    this.#buffer.set(answer, this.#gathered);
    this.#gathered = bytes;
  }
}
