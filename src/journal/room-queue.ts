// Who waits for room in a partition's frames, and whose turn it is. Pure.
//
// Those that want little and those that want much stand in two lines. In each it goes by order of arrival; between the
// lines, the one that got fewer bytes is next. So a device with one message does not wait behind fifty batches of a
// megabyte, and neither line can keep the other one waiting for long.

/** A place in the queue. */
export interface Place {
  readonly call: () => void;
  readonly line: Line;
}

interface Line {
  readonly places: Set<Place>;
  /** It was called and found no room: it keeps its place. */
  first: Place | null;
  gotBytes: number;
}

/** More than this is much. */
export const littleBytesMax = 16 * 1024;

export class RoomQueue {
  readonly #little: Line = { places: new Set(), first: null, gotBytes: 0 };
  readonly #much: Line = { places: new Set(), first: null, gotBytes: 0 };

  get isEmpty(): boolean {
    return isEmpty(this.#little) && isEmpty(this.#much);
  }

  /**
   * @param bytes    about what it wants.
   * @param isFirst  it was called just now and got nothing: it stays in front.
   */
  add(call: () => void, bytes: number, isFirst: boolean): Place {
    const [line, other] = bytes > littleBytesMax ? [this.#much, this.#little] : [this.#little, this.#much];
    // Who did not want anything for a while has no claim to what it did not get.
    if (isEmpty(line)) line.gotBytes = Math.max(line.gotBytes, other.gotBytes);
    const place = { call, line };
    if (isFirst && line.first === null) line.first = place;
    else line.places.add(place);
    return place;
  }

  leave(place: Place): void {
    if (place.line.first === place) place.line.first = null;
    else place.line.places.delete(place);
  }

  /** Whose turn it is: it leaves its place. Null when nobody waits. */
  next(): Place | null {
    const line =
      isEmpty(this.#much) || (!isEmpty(this.#little) && this.#little.gotBytes <= this.#much.gotBytes)
        ? this.#little
        : this.#much;
    const place = line.first ?? line.places.values().next().value ?? null;
    if (place !== null) this.leave(place);
    return place;
  }

  /** The place that was called got so many bytes. */
  got(place: Place, bytes: number): void {
    place.line.gotBytes += bytes;
  }
}

function isEmpty(line: Line): boolean {
  return line.first === null && line.places.size === 0;
}
