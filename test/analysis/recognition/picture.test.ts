import { deflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { despeckle } from '../../../src/analysis/recognition/despeckle.ts'
import { invertDark, resize, toUpright } from '../../../src/analysis/recognition/gray-image.ts'
import { readPictureHead } from '../../../src/analysis/recognition/picture-head.ts'
import { openPicture } from '../../../src/analysis/recognition/picture.ts'
import { decodePng } from '../../../src/analysis/recognition/png.ts'
import { pngChunk, pngOf, tiffOf, worn } from '../../support/scan.ts'

/** What becomes of a picture before it is recognised: pictures of a few points, each with its value. */

const imageOf = (rows: readonly string[]) => ({
  width: rows[0]?.length ?? 0,
  height: rows.length,
  data: Uint8Array.from(rows.join(''), (letter) => letter.charCodeAt(0)),
})
const rowsOf = ({ width, data }: { width: number; data: Uint8Array }) =>
  Array.from({ length: data.length / width }, (_, y) =>
    String.fromCharCode(...data.subarray(y * width, (y + 1) * width)),
  )
const never = () => {
  throw new Error('is not decoded')
}

test.each([
  [1, ['abc', 'def']],
  [2, ['cba', 'fed']],
  [3, ['fed', 'cba']],
  [4, ['def', 'abc']],
  [5, ['ad', 'be', 'cf']],
  [6, ['da', 'eb', 'fc']],
  [7, ['fc', 'eb', 'da']],
  [8, ['cf', 'be', 'ad']],
])('the orientation %i of EXIF is made upright', (orientation, upright) => {
  expect(rowsOf(toUpright(imageOf(['abc', 'def']), orientation))).toEqual(upright)
})

/** EXIF with the orientation 6, in both orders of bytes. */
const EXIF = [
  Buffer.from('49492a0008000000010012010300010000000600000000000000', 'hex'),
  Buffer.from('4d4d002a00000008000101120003000000010006000000000000', 'hex'),
]

test.each(EXIF)('the orientation of a JPEG, a PNG and a WebP is found', (exif) => {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(exif.length + 8)
  const jpeg = Buffer.concat([
    Buffer.from('ffd8ffe1', 'hex'),
    length,
    Buffer.from('Exif\0\0', 'latin1'),
    exif,
    Buffer.from('ffc0000b080010002001', 'hex'),
    Buffer.alloc(8),
  ])
  expect(readPictureHead(jpeg)).toEqual({ width: 32, height: 16, orientation: 6 })
  const png = pngOf({ width: 4, height: 2, data: new Uint8Array(8) })
  const end = png.length - 12
  const withExif = Buffer.concat([png.subarray(0, end), pngChunk('eXIf', exif), png.subarray(end)])
  expect(readPictureHead(withExif)).toEqual({ width: 4, height: 2, orientation: 6 })
  const size = Buffer.alloc(4)
  size.writeUInt32LE(exif.length)
  const webp = Buffer.concat([
    Buffer.from('RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x1f\0\0\x0f\0\0EXIF', 'latin1'),
    size,
    exif,
  ])
  expect(readPictureHead(webp)).toEqual({ width: 32, height: 16, orientation: 6 })
})

test('a picture with too many points is refused before it is decoded', () => {
  const png = Buffer.from(pngOf({ width: 1, height: 1, data: new Uint8Array(1) }))
  png.writeUInt32BE(30_000, 16)
  png.writeUInt32BE(30_000, 20)
  expect(() => openPicture(png, 1, never)).toThrow('30000 × 30000 points')
})

/** RGBA, without a filter. */
function transparentPng(points: readonly (readonly [r: number, g: number, b: number, a: number])[]): Buffer {
  const header = Buffer.from([0, 0, 0, points.length, 0, 0, 0, 1, 8, 6, 0, 0, 0])
  const row = deflateSync(Buffer.from([0, ...points.flat()]))
  const mark = Buffer.from('89504e470d0a1a0a', 'hex')
  return Buffer.concat([
    mark,
    pngChunk('IHDR', header),
    pngChunk('IDAT', row),
    pngChunk('IEND', Buffer.alloc(0)),
  ])
}

test('white text on nothing gets black behind it, any other white', () => {
  const [nothing, white, black] = [
    [0, 0, 0, 0] as const,
    [255, 255, 255, 255] as const,
    [0, 0, 0, 255] as const,
  ]
  const grayOf = (points: Parameters<typeof transparentPng>[0]) =>
    Array.from(decodePng(transparentPng(points))?.data ?? [])
  expect(grayOf([nothing, white, nothing])).toEqual([0, 255, 0])
  expect(grayOf([nothing, black, nothing])).toEqual([255, 0, 255])
  expect(grayOf([white, white, black, nothing])).toEqual([255, 255, 0, 255])
})

test('light text on a dark page is turned into dark on light', () => {
  const image = { width: 3, height: 1, data: Uint8Array.from([20, 20, 240]) }
  invertDark(image)
  expect(Array.from(image.data)).toEqual([235, 235, 15])
  invertDark(image)
  expect(Array.from(image.data)).toEqual([235, 235, 15])
})

test('a picture is enlarged with shades between its points, and made smaller by their mean', () => {
  const image = { width: 2, height: 1, data: Uint8Array.from([0, 200]) }
  expect(Array.from(resize(image, 2).data.subarray(0, 4))).toEqual([0, 50, 150, 200])
  const stripes = { width: 8, height: 8, data: Uint8Array.from({ length: 64 }, (_, at) => (at % 2) * 200) }
  for (const point of resize(stripes, 0.25).data) expect(Math.abs(point - 100)).toBeLessThan(30)
})

test('specks are removed from a picture, and lines of one point stay', () => {
  const side = 100
  const data = Uint8Array.from({ length: side * side }, (_, at) => (at % side === 50 ? 0 : 255))
  const specked = worn({ width: side, height: side, data }, { specks: 0.02 })
  const wrong = () => specked.data.filter((point, at) => point !== data[at]).length
  const before = wrong()
  despeckle(specked)
  expect([before > 80, wrong() < before / 4]).toEqual([true, true])
  const clean = { width: side, height: side, data: Uint8Array.from(data) }
  despeckle(clean)
  expect(Buffer.compare(clean.data, data)).toBe(0)
})

test('a TIFF that is packed by zlib is unpacked', () => {
  const image = { width: 2, height: 2, data: Uint8Array.from([0, 255, 10, 250]) }
  const plain = tiffOf([image])
  let seen: Uint8Array = new Uint8Array()
  openPicture(tiffOf([image], { isDeflated: true }), 1, (file) => {
    seen = file
    return image
  })
  const view = new DataView(seen.buffer, seen.byteOffset)
  const first = new DataView(plain.buffer).getUint32(4, true)
  expect(first).toBeGreaterThan(0)
  const at = view.getUint32(4, true)
  const tags = new Map(
    Array.from({ length: view.getUint16(at, true) }, (_, nth) => [
      view.getUint16(at + 2 + nth * 12, true),
      view.getUint32(at + 10 + nth * 12, true),
    ]),
  )
  expect(tags.get(259)).toBe(1)
  const points = tags.get(273) ?? 0
  expect(Array.from(seen.subarray(points, points + 4))).toEqual([0, 255, 10, 250])
})
