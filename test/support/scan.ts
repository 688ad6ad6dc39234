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

/** A PDF whose pages are pictures, each 612 by 792 points. */
export function scannedPdf(images: readonly GrayImage[]): Uint8Array<ArrayBuffer> {
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
    add(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${first + 1} 0 R ${resources} >>`)
    const draw = '612 0 0 792 0 0 cm /I Do'
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
  const size = offsets.length + 1
  pieces.push(
    Buffer.from(`xref\n0 ${size}\n0000000000 65535 f \n${table}trailer\n<< /Size ${size} /Root 1 0 R >>\n`),
    Buffer.from(`startxref\n${at}\n%%EOF\n`),
  )
  return new Uint8Array(Buffer.concat(pieces))
}

/** The picture turned on its head. */
export function upsideDown({ width, height, data }: GrayImage): GrayImage {
  return { width, height, data: data.toReversed() }
}

/** A slope of `degrees`, and points that are darker or lighter at random by up to `noise`. */
export function worn({ width, height, data }: GrayImage, { degrees = 0, noise = 0 } = {}): GrayImage {
  const made = new Uint8Array(data.length).fill(255)
  const [sin, cos] = [Math.sin((degrees * Math.PI) / 180), Math.cos((degrees * Math.PI) / 180)]
  let seed = 12_345
  for (let at = 0; at < made.length; at += 1) {
    const [x, y] = [(at % width) - width / 2, Math.floor(at / width) - height / 2]
    const fromX = Math.round(x * cos + y * sin + width / 2)
    const fromY = Math.round(y * cos - x * sin + height / 2)
    const isInside = fromX >= 0 && fromX < width && fromY >= 0 && fromY < height
    const point = isInside ? (data[fromY * width + fromX] ?? 255) : 255
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff
    made[at] = Math.max(0, Math.min(255, point + ((seed >> 8) % (2 * noise + 1)) - noise))
  }
  return { width, height, data: made }
}

export function pngOf({ width, height, data }: GrayImage): Uint8Array<ArrayBuffer> {
  const rows = Buffer.alloc((width + 1) * height)
  for (let y = 0; y < height; y += 1) rows.set(data.subarray(y * width, (y + 1) * width), y * (width + 1) + 1)
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = 8
  const chunk = (type: string, body: Buffer) => {
    const named = Buffer.concat([Buffer.from(type, 'latin1'), body])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(body.length)
    sum.writeUInt32BE(crc32(named))
    return Buffer.concat([length, named, sum])
  }
  const mark = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]
  return new Uint8Array(Buffer.concat([mark, ...chunks]))
}

/** A TIFF with a picture for each page, not compressed. */
export function tiffOf(images: readonly GrayImage[]): Uint8Array<ArrayBuffer> {
  const pieces: Buffer[] = [Buffer.from('II*\0', 'latin1'), Buffer.alloc(4)]
  let at = 8
  let linkAt = 4
  const links: [at: number, to: number][] = []
  for (const { width, height, data } of images) {
    const tags: [tag: number, value: number][] = [
      [256, width],
      [257, height],
      [258, 8],
      [259, 1],
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
    pieces.push(Buffer.from(data), directory)
    at += data.length + directory.length
  }
  const file = Buffer.concat(pieces)
  for (const [place, to] of links) file.writeUInt32LE(to, place)
  return new Uint8Array(file)
}
