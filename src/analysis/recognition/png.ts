import { inflateSync } from 'node:zlib'
import type { GrayImage } from '../parse/pdf/pdfium.ts'

/** Of a picture with more of its points transparent, what is behind them is chosen by its other points. */
const MOSTLY = 0.5
const MIDDLE = 128
const SHARES = { red: 0.299, green: 0.587, blue: 0.114 }
/** Samples of a point, by the colour type: grey, RGB, an index, and grey and RGB with their opacity. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }
const INDEXED = 3

interface PngFile {
  readonly width: number
  readonly height: number
  readonly bits: number
  readonly colour: number
  readonly isInterlaced: boolean
  readonly palette: Buffer
  /** Opacities of the palette; empty: it has none. */
  readonly opacities: Buffer
  readonly data: readonly Buffer[]
}

/** Whether a PNG has points that one sees through. */
export function isTransparentPng(bytes: Uint8Array): boolean {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (file.length < 26 || file.toString('latin1', 1, 4) !== 'PNG') return false
  const colour = file[25] ?? 0
  return colour === 4 || colour === 6 || (colour === INDEXED && readChunks(file).opacities.length > 0)
}

/**
 * Decodes a PNG into shades of grey. Transparent points get what is behind them: white, or black where most of the picture
 * is transparent and the rest is light. null: its rows are interlaced, or it is cut.
 */
export function decodePng(bytes: Uint8Array): GrayImage | null {
  const png = readChunks(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  const rows = png.isInterlaced ? null : unpackRows(png)
  if (rows === null) return null
  const { width, height } = png
  const points = toPoints(png, rows)
  const behind = chooseBackground(points)
  const data = points.gray.map((gray, at) => {
    const opacity = points.opacity?.[at] ?? 255
    return opacity === 255 ? gray : (gray * opacity + behind * (255 - opacity)) / 255
  })
  return { width, height, data }
}

function readChunks(file: Buffer): PngFile {
  const data: Buffer[] = []
  let [palette, opacities]: [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)]
  for (let at = 8; at + 12 <= file.length; at += 12 + file.readUInt32BE(at)) {
    const name = file.toString('latin1', at + 4, at + 8)
    const body = file.subarray(at + 8, at + 8 + file.readUInt32BE(at))
    if (name === 'IDAT') data.push(body)
    else if (name === 'PLTE') palette = body
    else if (name === 'tRNS') opacities = body
  }
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)]
  const [bits = 0, colour = 0] = [file[24], file[25]]
  return { width, height, bits, colour, isInterlaced: file[28] !== 0, palette, opacities, data }
}

/** The rows without their filters; null when the file is cut. */
function unpackRows({ width, height, bits, colour, data }: PngFile): Buffer | null {
  const pointBits = bits * (CHANNELS[colour] ?? 1)
  const [step, rowBytes] = [Math.ceil(pointBits / 8), Math.ceil((width * pointBits) / 8)]
  const packed = inflate(Buffer.concat(data), (rowBytes + 1) * height)
  if (packed === null) return null
  const rows = Buffer.alloc(rowBytes * height)
  for (let y = 0; y < height; y += 1) {
    const from = y * (rowBytes + 1)
    const filter = packed[from] ?? 0
    for (let x = 0; x < rowBytes; x += 1) {
      const at = y * rowBytes + x
      const left = x < step ? 0 : (rows[at - step] ?? 0)
      const above = y === 0 ? 0 : (rows[at - rowBytes] ?? 0)
      const corner = x < step || y === 0 ? 0 : (rows[at - rowBytes - step] ?? 0)
      rows[at] = (packed[from + 1 + x] ?? 0) + predict(filter, left, above, corner)
    }
  }
  return rows
}

function inflate(packed: Buffer, length: number): Buffer | null {
  try {
    const unpacked = inflateSync(packed, { maxOutputLength: length })
    return unpacked.length === length ? unpacked : null
  } catch {
    return null
  }
}

/** The filters of PNG (ISO 15948, 9.2): none, sub, up, average, Paeth. */
function predict(filter: number, left: number, above: number, corner: number): number {
  if (filter === 1) return left
  if (filter === 2) return above
  if (filter === 3) return (left + above) >> 1
  if (filter !== 4) return 0
  const guess = left + above - corner
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)]
  return a <= b && a <= c ? left : b <= c ? above : corner
}

interface Points {
  readonly gray: Uint8Array
  /** null: nothing is transparent. */
  readonly opacity: Uint8Array | null
}

function toPoints(png: PngFile, rows: Buffer): Points {
  const { width, height, bits, colour, palette, opacities } = png
  const channels = CHANNELS[colour] ?? 1
  const rowBytes = Math.ceil((width * bits * channels) / 8)
  const gray = new Uint8Array(width * height)
  const hasOpacity = channels === 2 || channels === 4 || (colour === INDEXED && opacities.length > 0)
  const opacity = hasOpacity ? new Uint8Array(width * height) : null
  // Of samples of two bytes the upper one is enough.
  const sampleAt = (x: number, y: number, channel: number) => {
    const bit = (x * channels + channel) * bits
    const byte = rows[y * rowBytes + (bit >> 3)] ?? 0
    return bits >= 8 ? byte : (byte >> (8 - bits - (bit & 7))) & (2 ** bits - 1)
  }
  for (let at = 0; at < gray.length; at += 1) {
    const [x, y] = [at % width, Math.floor(at / width)]
    const first = sampleAt(x, y, 0)
    if (colour === INDEXED)
      gray[at] = toGray(palette[first * 3], palette[first * 3 + 1], palette[first * 3 + 2])
    else if (channels < 3) gray[at] = bits >= 8 ? first : (first * 255) / (2 ** bits - 1)
    else gray[at] = toGray(first, sampleAt(x, y, 1), sampleAt(x, y, 2))
    if (opacity !== null)
      opacity[at] = colour === INDEXED ? (opacities[first] ?? 255) : sampleAt(x, y, channels - 1)
  }
  return { gray, opacity }
}

function toGray(red = 0, green = 0, blue = 0): number {
  return Math.round(red * SHARES.red + green * SHARES.green + blue * SHARES.blue)
}

/** White, which is what paper is; black behind light text that has nothing of its own behind it. */
function chooseBackground({ gray, opacity }: Points): number {
  if (opacity === null) return 255
  let [shown, light] = [0, 0]
  for (let at = 0; at < gray.length; at += 1) {
    shown += opacity[at] ?? 0
    light += (opacity[at] ?? 0) * (gray[at] ?? 0)
  }
  const isMostlyOpaque = shown > gray.length * 255 * MOSTLY
  return !isMostlyOpaque && light > shown * MIDDLE ? 0 : 255
}
