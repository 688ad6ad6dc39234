import { crc32, deflateSync } from 'node:zlib'
import { PdfiumDocument, type GrayImage } from '../../src/analysis/parse/pdf/pdfium.ts'

const POINTS_PER_INCH = 72

/** Draws the first page of a PDF, as a scanner would see it. */
export async function drawPage(pdf: Uint8Array, dpi = 300): Promise<GrayImage> {
  const document = await PdfiumDocument.open(pdf)
  const image = document.withPage(1, (page) => page.render(dpi / POINTS_PER_INCH))
  document.close()
  if (image === null) throw new Error('the page cannot be drawn')
  return image
}

const LETTER = { width: 612, height: 792 }

/** A PDF whose pages are pictures, each of `size` points. */
export function scannedPdf(images: readonly GrayImage[], size = LETTER): Uint8Array<ArrayBuffer> {
  const pieces: Buffer[] = [Buffer.from('%PDF-1.4\n', 'latin1')]
  const offsets: number[] = []
  const add = (...parts: readonly (string | Buffer)[]) => {
    offsets.push(pieces.reduce((sum, piece) => sum + piece.length, 0))
    const body = parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part))
    pieces.push(Buffer.from(`${offsets.length} 0 obj\n`), ...body, Buffer.from('\nendobj\n'))
  }
  const kids = images.map((_, index) => `${3 + index * 3} 0 R`).join(' ')
  add('<< /Type /Catalog /Pages 2 0 R >>')
  add(`<< /Type /Pages /Kids [${kids}] /Count ${images.length} >>`)
  for (const [index, { width, height, data }] of images.entries()) {
    const first = 3 + index * 3
    const resources = `/Resources << /XObject << /I ${first + 2} 0 R >> >>`
    add(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${size.width} ${size.height}] /Contents ${first + 1} 0 R ${resources} >>`,
    )
    const draw = `${size.width} 0 0 ${size.height} 0 0 cm /I Do`
    add(`<< /Length ${draw.length} >>\nstream\n${draw}\nendstream`)
    const packed = deflateSync(data)
    const about = `/Width ${width} /Height ${height} /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode`
    add(
      `<< /Type /XObject /Subtype /Image ${about} /Length ${packed.length} >>\nstream\n`,
      packed,
      '\nendstream',
    )
  }
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')
  const at = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const count = offsets.length + 1
  pieces.push(
    Buffer.from(`xref\n0 ${count}\n0000000000 65535 f \n${table}trailer\n<< /Size ${count} /Root 1 0 R >>\n`),
    Buffer.from(`startxref\n${at}\n%%EOF\n`),
  )
  return new Uint8Array(Buffer.concat(pieces))
}

/** The picture turned on its head. */
export function upsideDown({ width, height, data }: GrayImage): GrayImage {
  return { width, height, data: data.toReversed() }
}

export interface Wear {
  /** The slope of the lines. */
  readonly degrees?: number
  /** Each point is darker or lighter by up to as much. */
  readonly noise?: number
  /** The share of points that are black or white. */
  readonly specks?: number
  readonly seed?: number
}

const RANDOM_RANGE = 0x800000

/** A picture as a bad scanner gives it. */
export function worn(image: GrayImage, wear: Wear = {}): GrayImage {
  const { degrees = 0, noise = 0, specks = 0, seed = 0 } = wear
  const { width, height } = image
  const data = degrees === 0 ? Uint8Array.from(image.data) : rotated(image, degrees)
  let state = 12_345 + seed
  const random = () => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff
    return state >> 8
  }
  if (noise > 0 || specks > 0) {
    for (let at = 0; at < data.length; at += 1) {
      const point = (data[at] ?? 255) + (random() % (2 * noise + 1)) - noise
      data[at] = Math.max(0, Math.min(255, point))
      if (random() < specks * RANDOM_RANGE) data[at] = random() % 2 === 0 ? 0 : 255
    }
  }
  return { width, height, data }
}

/** Turned around its middle; a point is the mean of the four that it comes from. */
function rotated({ width, height, data }: GrayImage, degrees: number): Uint8Array {
  const made = new Uint8Array(data.length)
  const [sin, cos] = [Math.sin((degrees * Math.PI) / 180), Math.cos((degrees * Math.PI) / 180)]
  const pointAt = (x: number, y: number) =>
    x >= 0 && x < width && y >= 0 && y < height ? (data[y * width + x] ?? 255) : 255
  for (let at = 0; at < made.length; at += 1) {
    const [x, y] = [(at % width) - width / 2, Math.floor(at / width) - height / 2]
    const [fromX, fromY] = [x * cos + y * sin + width / 2, y * cos - x * sin + height / 2]
    const [left, top] = [Math.floor(fromX), Math.floor(fromY)]
    const [right, bottom] = [fromX - left, fromY - top]
    const above = pointAt(left, top) * (1 - right) + pointAt(left + 1, top) * right
    const below = pointAt(left, top + 1) * (1 - right) + pointAt(left + 1, top + 1) * right
    made[at] = Math.round(above * (1 - bottom) + below * bottom)
  }
  return made
}

export function pngOf({ width, height, data }: GrayImage): Uint8Array<ArrayBuffer> {
  const rows = Buffer.alloc((width + 1) * height)
  for (let y = 0; y < height; y += 1) rows.set(data.subarray(y * width, (y + 1) * width), y * (width + 1) + 1)
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = 8
  const mark = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const body = [pngChunk('IHDR', header), pngChunk('IDAT', deflateSync(rows))]
  return new Uint8Array(Buffer.concat([mark, ...body, pngChunk('IEND', Buffer.alloc(0))]))
}

export function pngChunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(body.length)
  sum.writeUInt32BE(crc32(named))
  return Buffer.concat([length, named, sum])
}

/** A TIFF with a picture for each page. */
export function tiffOf(images: readonly GrayImage[], { isDeflated = false } = {}): Uint8Array<ArrayBuffer> {
  const pieces: Buffer[] = [Buffer.from('II*\0', 'latin1'), Buffer.alloc(4)]
  let at = 8
  let linkAt = 4
  const links: [at: number, to: number][] = []
  for (const { width, height, data: points } of images) {
    const data = isDeflated ? deflateSync(points) : Buffer.from(points)
    const tags: [tag: number, value: number][] = [
      [256, width],
      [257, height],
      [258, 8],
      [259, isDeflated ? 8 : 1],
      [262, 1],
      [273, at],
      [277, 1],
      [278, height],
      [279, data.length],
    ]
    const directory = Buffer.alloc(2 + tags.length * 12 + 4)
    directory.writeUInt16LE(tags.length, 0)
    for (const [index, [tag, value]] of tags.entries()) {
      directory.writeUInt16LE(tag, 2 + index * 12)
      directory.writeUInt16LE(4, 4 + index * 12)
      directory.writeUInt32LE(1, 6 + index * 12)
      directory.writeUInt32LE(value, 10 + index * 12)
    }
    links.push([linkAt, at + data.length])
    linkAt = at + data.length + directory.length - 4
    pieces.push(data, directory)
    at += data.length + directory.length
  }
  const file = Buffer.concat(pieces)
  for (const [place, to] of links) file.writeUInt32LE(to, place)
  return new Uint8Array(file)
}

/** A picture in black and white as a TIFF, with a resolution of its own down the page: every `step`th row is kept. */
export function faxOf({ width, height, data }: GrayImage, step = 1): Buffer {
  const [rows, rowBytes] = [Math.floor(height / step), Math.ceil(width / 8)]
  const points = Buffer.alloc(rows * rowBytes + ((rows * rowBytes) % 2))
  for (let y = 0; y < rows; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if ((data[y * step * width + x] ?? 255) > 127) continue
      const at = y * rowBytes + (x >> 3)
      points[at] = (points[at] ?? 0) | (0x80 >> (x & 7))
    }
  }
  const [LONG, FRACTION] = [4, 5]
  const resolutionAt = 8 + points.length
  const tags = [
    [256, LONG, width],
    [257, LONG, rows],
    [258, LONG, 1],
    [259, LONG, 1],
    [262, LONG, 0],
    [273, LONG, 8],
    [277, LONG, 1],
    [278, LONG, rows],
    [279, LONG, rows * rowBytes],
    [282, FRACTION, resolutionAt],
    [283, FRACTION, resolutionAt + 8],
  ]
  const numbers = (...values: readonly number[]) => Buffer.from(Uint32Array.from(values).buffer)
  const entries = tags.map(([tag = 0, type = 0, value = 0]) =>
    Buffer.concat([Buffer.from([tag & 0xff, tag >> 8, type, 0]), numbers(1, value)]),
  )
  return Buffer.concat([
    Buffer.from('49492a00', 'hex'),
    numbers(resolutionAt + 16),
    points,
    numbers(200, 1, 200, step),
    Buffer.from([tags.length, 0]),
    ...entries,
    Buffer.alloc(4),
  ])
}
