import { deflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { loadTesseract } from '../../../src/analysis/recognition/tesseract.ts'
import { decodeTiff } from '../../../src/analysis/recognition/tiff/unpack-tiff.ts'

const [WIDTH, HEIGHT, TILE] = [40, 24, 16]
const at = (x: number, y: number) => (x * 5 + y * 3) % 256
/** Red, green and blue: a mix of them is grey. */
const CHANNELS = [at, (x: number, y: number) => 255 - at(x, y), (x: number, y: number) => (x * y) % 256]

type Point = (x: number, y: number) => readonly number[]

function pieceOf(left: number, top: number, size: readonly [number, number], point: Point): Buffer {
  const [width, height] = size
  const rows = Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (__, x) => point(left + x, top + y)).flat(),
  )
  return Buffer.from(rows.flat())
}

function tilesOf(point: Point): Buffer[] {
  const made: Buffer[] = []
  for (let top = 0; top < HEIGHT; top += TILE)
    for (let left = 0; left < WIDTH; left += TILE) made.push(pieceOf(left, top, [TILE, TILE], point))
  return made
}

/** A little-endian TIFF of these parts, with more tags; all values are longs. */
function tiffOf(parts: readonly Buffer[], tags: Readonly<Record<number, readonly number[]>>): Buffer {
  let end = 8
  const offsets = parts.map((part) => (end += part.length) - part.length)
  const place = 322 in tags ? [324, 325] : [273, 279]
  const all = Object.entries({
    256: [WIDTH],
    257: [HEIGHT],
    ...tags,
    [place[0] ?? 0]: offsets,
    [place[1] ?? 0]: parts.map(({ length }) => length),
  })
  const values: Buffer[] = []
  const entries = all.map(([tag, list]) => {
    const entry = Buffer.alloc(12)
    entry.writeUInt16LE(Number(tag), 0)
    entry.writeUInt16LE(4, 2)
    entry.writeUInt32LE(list.length, 4)
    entry.writeUInt32LE(list.length === 1 ? (list[0] ?? 0) : end, 8)
    if (list.length === 1) return entry
    const written = Buffer.from(Uint32Array.from(list).buffer)
    values.push(written)
    end += written.length
    return entry
  })
  const header = Buffer.from('49492a0000000000', 'hex')
  header.writeUInt32LE(end, 4)
  const count = Buffer.from([entries.length, 0])
  return Buffer.concat([header, ...parts, ...values, count, ...entries, Buffer.alloc(4)])
}

const decode = async (file: Buffer) => {
  const tesseract = await loadTesseract(['eng', 'chi_sim'])
  return decodeTiff(new Uint8Array(file), (packed) => tesseract.decode(packed))
}
const GRAY = { 258: [8], 262: [1], 277: [1], 322: [TILE], 323: [TILE] }
const SEPARATE = { 258: [8, 8, 8], 259: [1], 262: [2], 277: [3], 284: [2] }

function compare(image: { width: number; height: number; data: Uint8Array }, expected: Point): void {
  expect([image.width, image.height]).toEqual([WIDTH, HEIGHT])
  const whole = pieceOf(0, 0, [WIDTH, HEIGHT], expected)
  const apart = image.data.map((value, index) => Math.abs(value - (whole[index] ?? 0)))
  expect(Math.max(...apart)).toBeLessThanOrEqual(1)
}

test('a TIFF in tiles is put together, packed or not', async () => {
  const tiles = tilesOf((x, y) => [at(x, y)])
  compare(await decode(tiffOf(tiles, { ...GRAY, 259: [1] })), (x, y) => [at(x, y)])
  const packed = tiles.map((tile) => deflateSync(tile))
  compare(await decode(tiffOf(packed, { ...GRAY, 259: [8] })), (x, y) => [at(x, y)])
})

test('a TIFF with its colours in planes is read, in strips and in tiles', async () => {
  const mixed: Point = (x, y) => {
    const [red = 0, green = 0, blue = 0] = CHANNELS.map((channel) => channel(x, y))
    return [0.299 * red + 0.587 * green + 0.114 * blue]
  }
  const strips = CHANNELS.flatMap((channel) => [
    pieceOf(0, 0, [WIDTH, 16], (x, y) => [channel(x, y)]),
    pieceOf(0, 16, [WIDTH, HEIGHT - 16], (x, y) => [channel(x, y)]),
  ])
  compare(await decode(tiffOf(strips, { ...SEPARATE, 278: [16] })), mixed)
  const tiles = CHANNELS.flatMap((channel) => tilesOf((x, y) => [channel(x, y)]))
  compare(await decode(tiffOf(tiles, { ...SEPARATE, 322: [TILE], 323: [TILE] })), mixed)
})

test.each([
  ['fewer tiles than it has', tilesOf(() => [0]).slice(1), GRAY, /cut/],
  ['tiles as large as a city', tilesOf(() => [0]), { ...GRAY, 322: [60_000], 323: [60_000] }, /too large/],
  [
    'planes that are not red, green and blue',
    tilesOf(() => [0]),
    { ...SEPARATE, 262: [5] },
    /separate planes/,
  ],
])('a TIFF with %s ends with its name', async (_what, parts, tags, message) => {
  await expect(decode(tiffOf(parts, { 259: [1], ...tags }))).rejects.toMatchObject({
    errorType: 'input_rejected',
    message: expect.stringMatching(message) as unknown,
  })
})
