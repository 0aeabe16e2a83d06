// How large a frame may become, so that nobody waits long for the one before it. Pure.
//
// A frame's write has a cost of its own (the sync) and one of its bytes. Larger frames share the first between more
// records; but whoever comes while a frame is written waits for it, and on a slow disk a large one takes long. So frames
// are as large as is written in `writeMs`, or, where syncs are slow, in a few times what a sync takes. What it takes is
// learned from frames of different sizes: one in a while is made half as large.

/** What a frame may take. */
const writeMs = 100;
/** … and in syncs: so at least three quarters of the disk's speed are kept. */
const syncsMax = 4;
const bytesMin = 1024 * 1024;
const halfEvery = 16;

export class FrameSize {
  readonly #bytesMost: number;
  /** Of a frame from now on; a single reservation may be larger. */
  bytesMax: number;
  #sizeBytes: number;
  #frames = 0;
  /** Averages that forget, of frames with few bytes, of full ones and of those made half as large. */
  #fewMs = 0;
  #fullMs = 0;
  #halfMs = 0;

  /** @param bytesMost  never more than this. */
  constructor(bytesMost: number) {
    this.#bytesMost = bytesMost;
    this.#sizeBytes = bytesMost;
    this.bytesMax = bytesMost;
  }

  /** A frame was written. @param ms  from write to durable. */
  written(bytes: number, ms: number): void {
    const share = bytes / this.#sizeBytes;
    if (share < 1 / 8) this.#fewMs = average(this.#fewMs, ms);
    else if (share > 3 / 8 && share < 5 / 8) this.#halfMs = average(this.#halfMs, ms);
    else if (share > 3 / 4) this.#full(ms);
    const isHalf = ++this.#frames % halfEvery === 0;
    this.bytesMax = isHalf ? Math.ceil(this.#sizeBytes / 2) : this.#sizeBytes;
  }

  #full(ms: number): void {
    this.#fullMs = average(this.#fullMs, ms);
    // Half the bytes take half the time, but for the sync.
    const restMs = this.#halfMs === 0 ? 0 : 2 * this.#halfMs - this.#fullMs;
    const limitMs = Math.max(writeMs, syncsMax * Math.max(restMs, this.#fewMs));
    // One that stalled says little about the next: never less than half.
    if (ms > limitMs) {
      const least = Math.min(bytesMin, this.#bytesMost);
      this.#sizeBytes = Math.max(least, Math.round(this.#sizeBytes * Math.max(0.5, limitMs / ms)));
    } else if (ms < limitMs * 0.75) this.#sizeBytes = Math.min(this.#bytesMost, Math.round(this.#sizeBytes * 1.25));
  }
}

function average(formerMs: number, ms: number): number {
  return formerMs === 0 ? ms : formerMs + (ms - formerMs) / 8;
}
