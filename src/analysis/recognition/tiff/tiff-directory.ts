/** The most pictures of one file that are looked at. */
const MAX_PICTURES = 10_000
const HEADER_BYTES = 8
export const ENTRY_BYTES = 12
/** Bytes of the types of values that are read here: bytes, a short, a long. */
const TYPE_BYTES: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4, 7: 1 }
/** Two longs. */
const FRACTION = 5

export function isTiff(bytes: Uint8Array): boolean {
  const mark = Buffer.from(bytes.subarray(0, 4)).toString('latin1')
  return mark === 'II*\0' || mark === 'MM\0*'
}

export function isLittleEndian(bytes: Uint8Array): boolean {
  return bytes[0] === 0x49
}

export function toView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Offsets of the directories of a TIFF, one for each picture; a chain that leads back into itself ends there. */
export function listDirectories(bytes: Uint8Array): number[] {
  const view = toView(bytes)
  const isLittle = isLittleEndian(bytes)
  const found = new Set<number>()
  let at = bytes.length < HEADER_BYTES ? 0 : view.getUint32(4, isLittle)
  while (at !== 0 && at + 2 <= bytes.length && !found.has(at) && found.size < MAX_PICTURES) {
    found.add(at)
    const end = at + 2 + view.getUint16(at, isLittle) * ENTRY_BYTES
    at = end + 4 <= bytes.length ? view.getUint32(end, isLittle) : 0
  }
  return [...found]
}

/** The first value of a tag of a directory; null where there is none. */
export function findTag(bytes: Uint8Array, directory: number, tag: number): number | null {
  return findValues(bytes, directory, tag)[0] ?? null
}

/** The values of a tag of a directory, where these are whole numbers; none where the file is cut. */
export function findValues(bytes: Uint8Array, directory: number, tag: number): number[] {
  const view = toView(bytes)
  const isLittle = isLittleEndian(bytes)
  const at = findEntry(bytes, directory, tag)
  if (at === null) return []
  const [type, count] = [view.getUint16(at + 2, isLittle), view.getUint32(at + 4, isLittle)]
  const size = TYPE_BYTES[type] ?? 0
  const from = size * count <= 4 ? at + 8 : view.getUint32(at + 8, isLittle)
  if (size === 0 || from + size * count > bytes.length) return []
  return Array.from({ length: count }, (_, nth) => readValue(view, from + nth * size, size, isLittle))
}

/** A tag whose value is a fraction; null where there is none. */
export function findFraction(bytes: Uint8Array, directory: number, tag: number): number | null {
  const view = toView(bytes)
  const isLittle = isLittleEndian(bytes)
  const at = findEntry(bytes, directory, tag)
  if (at === null || view.getUint16(at + 2, isLittle) !== FRACTION) return null
  const from = view.getUint32(at + 8, isLittle)
  if (from + 8 > bytes.length) return null
  return view.getUint32(from, isLittle) / view.getUint32(from + 4, isLittle)
}

function findEntry(bytes: Uint8Array, directory: number, tag: number): number | null {
  const view = toView(bytes)
  const isLittle = isLittleEndian(bytes)
  const entries = view.getUint16(directory, isLittle)
  for (let index = 0; index < entries; index += 1) {
    const at = directory + 2 + index * ENTRY_BYTES
    if (at + ENTRY_BYTES > bytes.length) return null
    if (view.getUint16(at, isLittle) === tag) return at
  }
  return null
}

function readValue(view: DataView, at: number, size: number, isLittle: boolean): number {
  if (size === 1) return view.getUint8(at)
  return size === 2 ? view.getUint16(at, isLittle) : view.getUint32(at, isLittle)
}
