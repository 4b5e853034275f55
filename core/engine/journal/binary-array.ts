/** How the cells of a type are written. */
interface Format {
  /** The element's type in PostgreSQL's catalogue. */
  readonly oid: number;
  /** At most so many bytes. */
  sizeOf(value: unknown): number;
  /** Writes a value into a buffer that has room for it, and one byte more; returns its size. */
  write(into: Buffer, at: number, value: unknown): number;
}

const headerSize = 20;
/** Of an array without dimensions: it ends before its first length. */
const emptySize = 12;
const sizeFieldSize = 4;
const firstSize = 512;
/** What a column keeps for the next flush, bytes: a thousand rows of some hundred each are many. */
const keptSize = 1 << 20;
const epoch2000Ms = 946_684_800_000;
const dayMs = 86_400_000;

const formats: Readonly<Record<string, Format>> = {
  smallint: { oid: 21, sizeOf: () => 2, write: (into, at, value) => writeShort(into, at, value) },
  int: { oid: 23, sizeOf: () => 4, write: (into, at, value) => writeInt(into, at, value) },
  bigint: { oid: 20, sizeOf: () => 8, write: (into, at, value) => writeLong(into, at, value) },
  boolean: {
    oid: 16,
    sizeOf: () => 1,
    write: (into, at, value) => into.writeUInt8(Number(value), at) - at,
  },
  // Milliseconds since 1970; the database counts microseconds since 2000.
  timestamptz: {
    oid: 1184,
    sizeOf: () => 8,
    write: (into, at, value) =>
      writeLong(into, at, (Math.trunc(value as number) - epoch2000Ms) * 1_000),
  },
  date: {
    oid: 1082,
    sizeOf: () => 4,
    write: (into, at, value) =>
      writeInt(into, at, (Date.parse(value as string) - epoch2000Ms) / dayMs),
  },
  uuid: {
    oid: 2950,
    sizeOf: () => 16,
    write: (into, at, value) => into.write((value as string).replaceAll('-', ''), at, 'hex'),
  },
  text: { oid: 25, sizeOf: textSize, write: (into, at, value) => into.write(String(value), at) },
  jsonb: {
    oid: 3802,
    sizeOf: (value) => 1 + textSize(value),
    write: (into, at, value) => {
      into[at] = 1; // the version of its format
      return 1 + into.write(value as string, at + 1);
    },
  },
  bytea: {
    oid: 17,
    sizeOf: (value) => (value as Buffer).length,
    write: (into, at, value) => (value as Buffer).copy(into, at),
  },
};

/**
 * A column of a flush as PostgreSQL's binary array, written cell by cell, outside of the garbage collector's heap. As text every
 * cell was a string to make, to join, to send and to parse, dates above all.
 *
 * A value that does not fit its type becomes a cell that the database refuses, as it refuses what a constraint forbids: that fails the step
 * whose row it is, and nothing else.
 * @see https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/utils/adt/arrayfuncs.c (array_recv)
 */
export class BinaryArray {
  readonly #format: Format;
  /** The parameter while nothing was added, as most of a flush's columns are sent. */
  readonly #empty = Buffer.alloc(emptySize);
  #bytes: Buffer = none;
  #size = headerSize;
  #count = 0;
  #hasNull = false;
  /** What the last cell holds, and where it begins: most columns say the same many times. */
  #last: unknown;
  #lastAt = 0;

  /** `type`: of its elements, by its name in SQL. Decimals go as texts, which the statement casts. */
  constructor(type: string) {
    this.#format = formats[type === 'numeric' ? 'text' : type] as Format;
    this.#empty.writeInt32BE(this.#format.oid, 8);
  }

  /** Null and undefined are NULL. JSON is given as its text, a time in milliseconds since 1970, a date as `YYYY-MM-DD`. */
  add(value: unknown): void {
    this.#count += 1;
    if (value === null || value === undefined) {
      this.#hasNull = true;
      const at = this.#take(sizeFieldSize);
      this.#size = this.#bytes.writeInt32BE(-1, at);
    } else if (value === this.#last) this.#repeat();
    else this.#write(value);
  }

  /** Begins anew, in the same bytes. */
  clear(): void {
    this.#size = headerSize;
    this.#count = 0;
    this.#hasNull = false;
    this.#last = undefined;
    if (this.#bytes.length > keptSize) this.#bytes = none;
  }

  /** The parameter, until it is cleared. */
  toBuffer(): Buffer {
    if (this.#count === 0) return this.#empty;
    const header = this.#bytes;
    header.writeInt32BE(1, 0);
    header.writeInt32BE(Number(this.#hasNull), 4);
    header.writeInt32BE(this.#format.oid, 8);
    header.writeInt32BE(this.#count, 12);
    header.writeInt32BE(1, 16);
    return header.subarray(0, this.#size);
  }

  #write(value: unknown): void {
    const format = this.#format;
    const at = this.#take(sizeFieldSize + format.sizeOf(value) + 1);
    const size = format.write(this.#bytes, at + sizeFieldSize, value);
    this.#bytes.writeInt32BE(size, at);
    this.#size = at + sizeFieldSize + size;
    this.#last = value;
    this.#lastAt = at;
  }

  #repeat(): void {
    const size = sizeFieldSize + this.#bytes.readInt32BE(this.#lastAt);
    const at = this.#take(size);
    this.#bytes.copyWithin(at, this.#lastAt, this.#lastAt + size);
    this.#size = at + size;
  }

  /** Makes room for so many bytes more, and says where. */
  #take(bytes: number): number {
    const at = this.#size;
    if (at + bytes > this.#bytes.length) {
      const wider = Buffer.allocUnsafe(Math.max(firstSize, 2 * (at + bytes)));
      this.#bytes.copy(wider, 0, 0, at);
      this.#bytes = wider;
    }
    return at;
  }
}

const none = Buffer.alloc(0);

/** UTF-16 to UTF-8 at its worst. */
function textSize(value: unknown): number {
  return 3 * String(value).length;
}

function writeShort(into: Buffer, at: number, value: unknown): number {
  const short = ((value as number) << 16) >> 16;
  return short === value ? into.writeInt16BE(short, at) - at : refused(into, at, 2);
}

function writeInt(into: Buffer, at: number, value: unknown): number {
  const int = (value as number) | 0;
  return int === value ? into.writeInt32BE(int, at) - at : refused(into, at, 4);
}

function writeLong(into: Buffer, at: number, value: unknown): number {
  if (!Number.isSafeInteger(value)) return refused(into, at, 8);
  into.writeInt32BE(Math.floor((value as number) / 2 ** 32), at);
  into.writeInt32BE((value as number) | 0, at + 4);
  return 8;
}

/** A cell with a byte too many, which the database does not read. */
function refused(into: Buffer, at: number, size: number): number {
  into.fill(0, at, at + size + 1);
  return size + 1;
}
