import { readSectorBytes } from '../../../uploads/detect-compound-type.ts'
import { rejected } from '../office/zip.ts'

const MINI_SECTOR_BYTES = 64
const ENTRY_BYTES = 128
const STREAM = 2
const ROOT = 5
/** Numbers from here on are no sectors: free, end of a chain, parts of the table itself. */
const MAX_SECTOR = 0xfffffffa
/** The header names the first sectors of the table, the rest is in a chain. */
const HEADER_TABLE_SECTORS = 109

interface DirectoryEntry {
  readonly name: string
  readonly kind: number
  readonly start: number
  readonly bytes: number
}

/**
 * The streams of a compound file (MS-CFB), the container of old Office files and of encrypted new ones. Chains are followed at
 * most as far as the file has sectors, so that a circle ends.
 */
export class CompoundFile {
  readonly #file: Buffer
  readonly #sectorBytes: number
  readonly #table: readonly number[]
  readonly #entries: readonly DirectoryEntry[]

  /** @throws TaskError `input_rejected` for a damaged one. */
  constructor(bytes: Uint8Array) {
    this.#file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const sectorBytes = readSectorBytes(this.#file)
    if (sectorBytes === null) throw damaged()
    this.#sectorBytes = sectorBytes
    this.#table = this.#listTableSectors().flatMap((sector) => toNumbers(this.#readSector(sector)))
    const directory = Buffer.concat(
      this.#listChain(this.#file.readUInt32LE(48)).map((at) => this.#readSector(at)),
    )
    this.#entries = readDirectory(directory)
  }

  /** The stream of this name, as far as the file goes; undefined when there is none. */
  readStream(name: string): Buffer | undefined {
    const entry = this.#entries.find((each) => each.kind === STREAM && each.name === name)
    if (entry === undefined) return undefined
    const isSmall = entry.bytes < this.#file.readUInt32LE(56)
    const content = isSmall ? this.#readMiniStream(entry) : this.#readChain(entry.start)
    return content.subarray(0, entry.bytes)
  }

  /** Small streams are in 64-byte sectors inside the stream of the root. */
  #readMiniStream({ start, bytes }: DirectoryEntry): Buffer {
    const root = this.#entries.find(({ kind }) => kind === ROOT)
    if (root === undefined) throw damaged()
    const container = this.#readChain(root.start)
    const table = toNumbers(this.#readChain(this.#file.readUInt32LE(60)))
    const sectors = followChain(start, table, Math.ceil(bytes / MINI_SECTOR_BYTES))
    return Buffer.concat(
      sectors.map((sector) =>
        container.subarray(sector * MINI_SECTOR_BYTES, (sector + 1) * MINI_SECTOR_BYTES),
      ),
    )
  }

  #readChain(start: number): Buffer {
    return Buffer.concat(this.#listChain(start).map((sector) => this.#readSector(sector)))
  }

  #listChain(start: number): number[] {
    return followChain(start, this.#table, this.#file.length / this.#sectorBytes)
  }

  #listTableSectors(): number[] {
    const sectors = toNumbers(this.#file.subarray(76, 76 + 4 * HEADER_TABLE_SECTORS))
    const most = this.#file.length / this.#sectorBytes
    for (let at = this.#file.readUInt32LE(68); at < MAX_SECTOR && sectors.length <= most;) {
      const numbers = toNumbers(this.#readSector(at))
      at = numbers.pop() ?? MAX_SECTOR
      sectors.push(...numbers)
    }
    return sectors.filter((sector) => sector < MAX_SECTOR).slice(0, most)
  }

  /** The last sector of a file may be cut. */
  #readSector(sector: number): Buffer {
    const at = (sector + 1) * this.#sectorBytes
    if (at >= this.#file.length) throw damaged()
    return this.#file.subarray(at, at + this.#sectorBytes)
  }
}

function followChain(start: number, table: readonly number[], most: number): number[] {
  const sectors: number[] = []
  for (
    let sector = start;
    sector < MAX_SECTOR && sectors.length < most;
    sector = table[sector] ?? MAX_SECTOR
  ) {
    sectors.push(sector)
  }
  return sectors
}

function readDirectory(directory: Buffer): DirectoryEntry[] {
  const entries: DirectoryEntry[] = []
  for (let at = 0; at + ENTRY_BYTES <= directory.length; at += ENTRY_BYTES) {
    const nameBytes = Math.min(Math.max(directory.readUInt16LE(at + 64) - 2, 0), 62)
    entries.push({
      name: directory.toString('utf16le', at, at + nameBytes),
      kind: directory.readUInt8(at + 66),
      start: directory.readUInt32LE(at + 116),
      bytes: directory.readUInt32LE(at + 120),
    })
  }
  return entries
}

function toNumbers(bytes: Buffer): number[] {
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) => bytes.readUInt32LE(4 * index))
}

function damaged(): Error {
  return rejected('its container is damaged')
}
